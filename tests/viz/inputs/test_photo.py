"""The page Image: photos of one's own, good and broken."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headlens.model.inputs import image as inputs
from headlens.model.inputs.image_file import open_image as decode
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.viz.inputs import photo
from headlens.viz.inputs.samples import FIRST_PHOTO, PHOTOS
from tests.model.inputs.pictures import as_file
from tests.sentences import is_one_sentence
from tests.viz.pages.apps import address, choose, errors, open_image, run, shown, tell, upload, view


def test_a_photo_of_one_s_own(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> None:
    view_of_head = {"layer": "11", "head": "4", "edges": "smooth", "nospecial": "1"}
    app = upload(open_image(sample="Cat", query="7", **view_of_head), sample_photo("astronaut").read_bytes())
    assert (errors(app), address(app)) == ([], {"size": "224", "own": "1"} | view_of_head)
    recording = dinov2.record(sample_photo("astronaut"), 224).without_special()
    found = shown(app)
    assert found.header["grid"] == [16, 16]
    assert found.header["link"] == "Your photo is not in this link."
    assert view(app) == (11, 4, 1 + 6 * 16 + 5)
    np.testing.assert_allclose(found.seen(), recording.attention(11, 4, 1 + 6 * 16 + 5), atol=3e-4, rtol=0)
    assert app.session_state.image_sample is None
    assert "257 tokens" in app.caption[-1].value
    assert shown(choose(app, image_size="336")).header["grid"] == [24, 24]
    assert address(choose(app, image_sample="Coffee")) == {"size": "336", "nospecial": "1"}  # a head of its own


def test_16_bits_of_which_few_are_used(dinov2: EncoderImageModel) -> None:
    numbers = (np.indices((90, 120)).sum(axis=0) * 19).astype(np.uint16)  # 0 to 3,952
    file = as_file(Image.fromarray(numbers), "TIFF")
    app = upload(open_image(), file, "depth.tif", "image/tiff")
    (toggle,) = (toggle for toggle in app.toggle if toggle.key == "image_stretch")
    assert toggle.label == "16-bit greyscale that uses 0 to 3,952 of 65,535: stretched from black to white"
    layer, head, query = view(app)
    expected = dinov2.record(file, 224).attention(layer, head, query)
    np.testing.assert_allclose(shown(app).seen(), expected, atol=3e-4, rtol=0)
    toggle.set_value(False)
    run(app)
    assert address(app) == {"size": "224", "own": "1", "range": "full"}
    layer, head, query = view(app)
    dark = dinov2.record(decode(file, stretch=False), 224).attention(layer, head, query)
    np.testing.assert_allclose(shown(app).seen(), dark, atol=3e-4, rtol=0)
    assert np.abs(dark - expected).max() > 1e-3
    assert address(choose(app, image_size="336")) == {"size": "336", "own": "1", "range": "full"}
    assert not [toggle for toggle in choose(app, image_sample="Cat").toggle if toggle.key == "image_stretch"]


def test_a_link_without_its_photo_says_so(sample_photo: Callable[[str], Path]) -> None:
    app = open_image(own="1")
    assert [note.value[:23] for note in app.info] == ["The photo of this link "]
    assert len(upload(app, sample_photo("astronaut").read_bytes()).info) == 0


def broken(sample_photo: Callable[[str], Path]) -> dict[str, bytes]:
    photo = sample_photo("astronaut").read_bytes()
    return {"nothing": b"", "words": b"These are words.", "half": photo[:20_000], "svg": b"<svg/>", "zeros": bytes(999)}


@pytest.mark.parametrize("kind", ["nothing", "words", "half", "svg", "zeros"])
def test_a_broken_upload_gets_one_sentence_and_changes_nothing(kind: str, sample_photo: Callable[[str], Path]) -> None:
    app = open_image(layer="3")
    before, coffee = address(app), shown(app).header
    upload(app, broken(sample_photo)[kind])
    (message,) = errors(app)
    assert is_one_sentence(ValueError(message))
    assert (address(app), shown(app).header) == (before, coffee)
    assert errors(run(app)) == []  # said once


def test_after_a_broken_upload_one_s_own_photo_is_still_there(sample_photo: Callable[[str], Path]) -> None:
    app = upload(open_image(), sample_photo("astronaut").read_bytes())
    before = shown(app).header
    upload(app, b"broken")
    assert len(errors(app)) == 1
    assert shown(app).header == before
    upload(app, sample_photo("chelsea").read_bytes())
    assert errors(app) == []
    assert shown(app).header["grid"] == [16, 24]


def test_a_size_with_too_many_patches_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_PATCHES", 400)  # 16 x 24 is fewer; the real bound would take long to reach
    sizes, _ = photo.photo_sizes(PHOTOS[FIRST_PHOTO].model)
    monkeypatch.setattr(photo, "photo_sizes", lambda model: (sizes, 224))
    app = choose(open_image(), image_size="672")
    (message,) = errors(app)
    assert "patches" in message
    assert is_one_sentence(ValueError(message))
    assert shown(app).header["grid"] == [16, 24]
    assert view(app) == (11, 4, 1 + 6 * 24 + 8)


def test_the_model_runs_once_for_each_photo_and_size(
    image_runs: list[Any], sample_photo: Callable[[str], Path]
) -> None:
    coffee, astronaut = (sample_photo(name).read_bytes() for name in ("coffee", "astronaut"))
    app = open_image()
    for change in ({"layer": 0}, {"head": 1}, {"query": 2}, {"edges": "smooth", "strength": 50}):
        tell(app, view={**shown(app).header["view"], **change})
    tell(app, more=shown(app).header["id"])
    assert image_runs == [coffee]
    upload(app, astronaut)
    tell(app, view={**shown(app).header["view"], "layer": 5})
    assert image_runs == [coffee, astronaut]
    upload(app, coffee, "the same under another name.jpg")
    assert image_runs == [coffee, astronaut]
    choose(app, image_size="letterboxed")
    assert image_runs == [coffee, astronaut, coffee]
    choose(app, image_size="224")
    assert image_runs == [coffee, astronaut, coffee]
