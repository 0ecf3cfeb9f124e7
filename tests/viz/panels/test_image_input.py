"""The page Image: photos of one's own, good and broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model import inputs
from model.loaded import ImageModel
from model.recording import Recording
from tests.sentences import is_one_sentence
from tests.viz.panels.apps import choose, errors, figure, headline, heat, open_image, upload
from viz.panels import image_page


def test_a_photo_of_one_s_own(dinov2: ImageModel, sample_photo: Callable[[str], Path]) -> None:
    app = open_image()
    app.selectbox(key="image_size").set_value("448")
    upload(app, sample_photo("astronaut").read_bytes())
    assert errors(app) == []
    recording = dinov2.record(sample_photo("astronaut"), 448)
    assert recording.grid == (32, 32)
    query = 1 + 13 * 32 + 11  # the patch stays at its place in the picture: (6.5 / 16, 8.5 / 24)
    np.testing.assert_allclose(
        heat(app, "image_overlay"), recording.attention(11, 4, query)[1:].reshape(32, 32), atol=1e-6
    )
    assert app.session_state.image_sample is None
    assert "1,025 tokens" in app.caption[-1].value


def broken(sample_photo: Callable[[str], Path]) -> dict[str, bytes]:
    photo = sample_photo("astronaut").read_bytes()
    return {"nothing": b"", "words": b"These are words.", "half": photo[:20_000], "svg": b"<svg/>", "zeros": bytes(999)}


@pytest.mark.parametrize("kind", ["nothing", "words", "half", "svg", "zeros"])
def test_a_broken_upload_gets_one_sentence_and_changes_nothing(
    kind: str, coffee: Recording, sample_photo: Callable[[str], Path]
) -> None:
    app = upload(open_image(), broken(sample_photo)[kind])
    (message,) = errors(app)
    assert is_one_sentence(ValueError(message))
    for layer in (11, 3):
        choose(app, image_layer=layer)
        weights = coffee.attention(layer, 4, 1 + 6 * 24 + 8)
        np.testing.assert_allclose(heat(app, "image_overlay"), weights[1:].reshape(16, 24), atol=1e-6)
        assert headline(app) == f"Layer {layer}, head 4: what patch (6, 8) looks at:"
        assert errors(app) == []  # said once


def test_after_a_broken_upload_one_s_own_photo_is_still_there(sample_photo: Callable[[str], Path]) -> None:
    app = upload(open_image(), sample_photo("astronaut").read_bytes())
    before = heat(app, "image_overlay")
    assert before.shape == (16, 16)
    upload(app, b"broken")
    assert len(errors(app)) == 1
    np.testing.assert_array_equal(heat(app, "image_overlay"), before)
    upload(app, sample_photo("chelsea").read_bytes())
    assert errors(app) == []
    assert heat(app, "image_overlay").shape == (16, 24)


def test_photos_of_one_grid_have_tiles_of_their_own(sample_photo: Callable[[str], Path]) -> None:
    app = open_image()
    grids = [figure(app, "image_grid")["data"][0]["source"]]
    upload(app, sample_photo("chelsea").read_bytes())
    grids.append(figure(app, "image_grid")["data"][0]["source"])
    assert heat(app, "image_overlay").shape == (16, 24)
    assert grids[0] != grids[1]


def test_a_size_with_too_many_patches_falls_back(monkeypatch: pytest.MonkeyPatch, coffee: Recording) -> None:
    monkeypatch.setattr(inputs, "MAX_PATCHES", 400)  # 16 x 24 is fewer; the real bound would take long to reach
    monkeypatch.setattr(image_page, "DEFAULT_SIZE", "224")
    app = choose(open_image(), image_size="336")
    (message,) = errors(app)
    assert "864 patches" in message
    np.testing.assert_allclose(
        heat(app, "image_overlay"), coffee.attention(11, 4, 1 + 6 * 24 + 8)[1:].reshape(16, 24), atol=1e-6
    )


def test_the_model_runs_once_for_each_photo_and_size(
    image_runs: list[Any], sample_photo: Callable[[str], Path]
) -> None:
    coffee, astronaut = (sample_photo(name).read_bytes() for name in ("coffee", "astronaut"))
    app = open_image()
    for values in ({"image_layer": 0}, {"image_head": 1}, {"image_row": 2}, {"image_from": "[CLS]"}):
        choose(app, **values)
    choose(app, image_edges="Smooth", image_strength=50)
    assert image_runs == [coffee]
    upload(app, astronaut)
    choose(app, image_layer=5)
    assert image_runs == [coffee, astronaut]
    upload(app, coffee, "the same under another name.jpg")
    assert image_runs == [coffee, astronaut]
    choose(app, image_size="224 letterboxed")
    assert image_runs == [coffee, astronaut, coffee]
    choose(app, image_size="224")
    assert image_runs == [coffee, astronaut, coffee]
