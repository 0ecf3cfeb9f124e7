"""The grid of heads' effects, explanations side by side, and curves: what they show is what they were given."""

import numpy as np
import pytest

from headlens.model.recording.parts import Photo
from headlens.viz.figures.effects import LINE, before_and_after, effect_grid
from headlens.viz.figures.explanations import Scored, explained_photo, explained_tokens
from headlens.viz.figures.labels import escape
from headlens.viz.figures.scores import Range, patch_picker, removal_curves, without_patches
from headlens.viz.theme import DARK, LIGHT
from tests.viz.figures.decode import picture_in

EFFECTS = np.array([[0.1, -0.5, 0.0], [0.3, 0.2, -0.1]], dtype=np.float32)
PHOTO = Photo(np.full((28, 42, 3), 90, np.uint8), 1.5, (2, 3))
HOSTILE = "<b>x</b><a href='https://evil'>"


def test_each_head_is_a_square_at_its_layer_and_head() -> None:
    squares = effect_grid(EFFECTS, "effect").data[0]
    for x, y, (layer, head, value) in zip(squares.x, squares.y, squares.customdata):
        assert (y, x) == (layer, head)
        assert value == EFFECTS[int(layer), int(head)]
    assert (squares.marker.cmin, squares.marker.cmax) == pytest.approx((-0.5, 0.5))
    assert effect_grid(np.abs(EFFECTS), "x", signed=False).data[0].marker.cmin == 0


def test_the_largest_come_first() -> None:
    squares = effect_grid(EFFECTS, "effect", by_size=True, off=[(0, 1)], pinned=(1, 0)).data
    assert [tuple(map(int, row[:2])) for row in squares[0].customdata][:3] == [(0, 1), (1, 0), (1, 1)]
    assert (list(squares[1].x), list(squares[1].y)) == ([0], [0])  # crossed out
    assert (list(squares[2].x), list(squares[2].y)) == ([1], [0])  # ringed


@pytest.mark.parametrize("num_heads", [12, 16, 32])
def test_squares_do_not_overlap_on_a_phone(num_heads: int) -> None:
    squares = effect_grid(np.ones((6, num_heads)), "effect").data[0]
    assert squares.marker.size + 2 <= (342 - 44) / (num_heads + 0.4), "a page of 390 pixels, and the numbers of layers"


def test_the_title_of_the_colours_is_wrapped_and_a_stranger_s() -> None:
    figure = effect_grid(EFFECTS, "distance in tokens, without special ones, standard deviation")
    title = figure.layout.annotations[0].text
    assert title == "distance in tokens, without special ones,<br>standard deviation"
    assert figure.layout.height - effect_grid(EFFECTS, "effect").layout.height == LINE
    hostile = effect_grid(EFFECTS, HOSTILE * 9)
    assert "<a" not in hostile.to_json().replace("\\u003c", "<")
    assert hostile.layout.annotations[0].text.count("<br>") == 1


def test_a_head_may_have_no_number() -> None:
    squares = effect_grid(np.array([[np.nan, 0.3, 0.1]]), "x", by_size=True, signed=False).data[0]
    assert squares.marker.cmax == pytest.approx(0.3)
    assert [row[1] for row in squares.customdata] == [1, 2, 0]  # it comes last


def test_nothing_but_zeros_can_be_drawn() -> None:
    assert effect_grid(np.zeros((1, 1)), "x").data[0].marker.cmax == 1  # nothing is no size to end a scale at
    assert effect_grid(np.array([[np.nan, 1e-9]]), "x").data[0].marker.cmax == 1e-5
    explained_tokens(["a"], {"all": {"one": Scored(np.zeros(1), True)}}, np.array([True]))


def test_candidates_before_and_now() -> None:
    before, after = before_and_after(["a", "a", HOSTILE], [0.5, 0.2, 0.1], [0.1, 0.3, 0.1], theme=DARK).data
    assert (list(before.x), list(after.x)) == ([0.5, 0.2, 0.1], [0.1, 0.3, 0.1])
    assert len(set(before.y)) == 3
    assert "<b>" not in "".join(before.y)


def test_a_row_for_each_explanation() -> None:
    scores = {"one": np.array([0.0, 2.0, -1.0]), "other": np.array([0.1, 0.2, 0.7])}
    groups = {"first": {"one": Scored(scores["one"], True)}, HOSTILE: {"other": Scored(scores["other"], False)}}
    figure = explained_tokens(["a", HOSTILE, "a"], groups, np.array([False, False, True]))
    assert len({axis.matches or "x2" for axis in figure.select_xaxes()}) == 1, "both groups are pointed at together"
    written = [each.text for each in figure.layout.annotations]
    assert [text for text in written if text.startswith("<b>")] == ["<b>first</b>", f"<b>{escape(HOSTILE)}</b>"]
    assert "−2 to 2" in written[0]
    assert "0 to 0.2" in written[1]
    assert [list(np.ravel(trace.z)) for trace in figure.data] == [
        pytest.approx(list(values), rel=1e-6) for values in scores.values()
    ]
    assert (figure.data[0].zmin, figure.data[0].zmax, figure.data[1].zmin) == (-2.0, 2.0, 0.0)
    assert figure.data[1].zmax == 0.2, "special tokens do not set the scale"
    assert "<a href" not in figure.to_json()


def test_a_photo_for_each_explanation() -> None:
    scores = {f"method {index}": np.arange(7.0) - index for index in range(4)}
    explained = {title: Scored(values, True) for title, values in scores.items()}
    groups = {"first": dict([explained.popitem()]), "second": explained}
    figure = explained_photo(PHOTO, groups, prefix=1, theme=LIGHT)
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(heats) == 4
    for index, heat in zip((3, 0, 1, 2), heats):
        np.testing.assert_array_equal(heat.z, np.arange(1.0, 7.0).reshape(2, 3) - index)
    assert len({axis.matches for axis in figure.select_xaxes()} - {None}) == 1, "they are zoomed together"


def test_curves_and_their_bands() -> None:
    shares = np.array([0, 0.5, 1])
    figure = removal_curves(
        shares,
        {"deletion": np.array([1, 0.4, 0]), "insertion": np.array([1, 0.9, 0])},
        {"deletion": Range(np.array([1, 0.3, 0]), np.array([1, 0.6, 0]))},
        "probability",
    )
    band, deletion, insertion = figure.data
    assert list(band.y) == [1, 0.6, 0, 0, 0.3, 1]
    assert (list(deletion.y), list(insertion.y)) == ([1, 0.4, 0], [1, 0.9, 0])
    assert [tuple(point) for point in insertion.customdata] == [("insertion", step) for step in range(3)]


def test_patches_to_press() -> None:
    pixels = PHOTO.pixels.copy()
    pixels[14:] = 10
    figure = patch_picker(PHOTO._replace(pixels=pixels), [4])
    assert [(x, y) for x, y in zip(figure.data[0].x, figure.data[0].y)][4] == (1, 1)
    drawn = picture_in(figure.layout.images[0].source).astype(int)
    assert abs(drawn[16:26, 16:26] - 50).max() < 12, "the mean colour"
    assert abs(drawn[16:26, 2:10] - 10).max() < 12


def test_removed_patches_have_the_mean_colour() -> None:
    pixels = PHOTO.pixels.copy()
    pixels[:14] = 10
    without = without_patches(pixels, (2, 3), np.array([True, *[False] * 5]))
    assert (without[:14, :14] == 50).all()
    assert (without[:14, 14:] == 10).all()
    assert (without[14:] == 90).all()
