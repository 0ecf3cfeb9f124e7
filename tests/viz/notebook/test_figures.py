"""The plain figures of a recording."""

import numpy as np
import pytest

from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.viz.theme import DARK
from tests.recordings import random_recording


def test_a_heatmap_has_the_weights_and_frames_the_query_that_is_asked_for() -> None:
    recording = random_recording()
    figure = recording.figure("heatmap", layer=1, head=2, query=3)
    np.testing.assert_array_equal(figure.data[0].z, recording.attention(1, 2))
    assert [(shape.y0, shape.y1) for shape in figure.layout.shapes] == [(2.5, 3.5)]
    assert recording.figure("heatmap", layer=1, head=2).layout.shapes == ()


def test_the_future_of_a_causal_model_stays_empty() -> None:
    drawn = random_recording("causal").figure("heatmap").data[0].z
    assert np.isnan(drawn[np.triu_indices(7, 1)]).all()
    assert np.isfinite(drawn[np.tril_indices(7)]).all()


def test_heads_are_merged_as_in_the_explorer() -> None:
    recording = random_recording()
    figure = recording.figure("heatmap", layer=1, scope="layer", reduction="max")
    np.testing.assert_array_equal(figure.data[0].z, recording.attention(1).max(axis=0))


def test_strip_bars_and_grid_of_a_text(trophy: Recording) -> None:
    strip = trophy.figure("strip", 3, 1, 11)
    assert [note.text for note in strip.layout.annotations][2] == "trophy"
    bars = trophy.figure("bars", 3, 1, 11)
    np.testing.assert_array_equal(bars.data[0].x, np.sort(trophy.attention(3, 1, 11))[::-1][:10])
    grid = trophy.figure("grid", 3, 1)
    assert len(grid.data[1].x) == trophy.num_layers * trophy.num_heads
    assert strip.layout.width == bars.layout.width == grid.layout.width


def test_an_overlay_of_a_photo(coffee: Recording) -> None:
    heat = coffee.figure("overlay", 11, 4, 100, theme="dark")
    np.testing.assert_array_equal(heat.data[0].z.ravel(), coffee.attention(11, 4, 100)[coffee.prefix_tokens :])
    assert heat.layout.paper_bgcolor == DARK.background


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        ("overlay", {}, "This recording is of a text, which has no overlay: take “strip”."),
        ("pie", {}, "There is no figure 'pie'; there are heatmap, overlay, strip, grid, bars."),
        ("strip", {"theme": "blue"}, "theme must be one of light, dark, not 'blue'."),
        ("strip", {"head": 3}, "head must be a whole number from 0 to 2, not 3."),
        ("strip", {"colour": 3}, "A view has no 'colour'; it has layer, "),
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence(kind: str, fields: dict, says: str) -> None:
    with pytest.raises(InputError) as error:
        random_recording().figure(kind, **fields)
    assert str(error.value).startswith(says)


def test_a_photo_has_no_strip(coffee: Recording) -> None:
    with pytest.raises(InputError, match="take “overlay”"):
        coffee.figure("strip")
