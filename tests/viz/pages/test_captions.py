"""The page Image with a model that writes captions: what is written, and where each word looks."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model import Recording, load_model
from headlens.model.analysis.joint import joined, last_word
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.pages import runtime
from headlens.viz.view.visible import visible
from tests.model.huggingface.caption_models import save
from tests.model.huggingface.image_models import PHOTO
from tests.viz.pages.apps import SECONDS, address, errors, open_image, run, shown, tell, view

STAGES = ["From the text to the photo", "Within the photo", "Within the text"]


@pytest.fixture(autouse=True)
def models_of_their_own() -> Iterator[None]:
    yield
    runtime.shared().models.clear()


@pytest.fixture(params=["vit-gpt2", "blip"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    return save(tmp_path / "captions", request.param)


@pytest.fixture
def model(folder: Path) -> TransformersCaption:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersCaption)
    return model


def open_captions(folder: Path, **address: str) -> AppTest:
    return open_image(model=str(folder), size="as trained", **address)


def texts(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_the_caption_is_written_and_its_last_word_looks_at_the_photo(
    folder: Path, model: TransformersCaption, sample_photo: Callable[[str], Path]
) -> None:
    app = open_captions(folder)
    assert errors(app) == []
    recording = model.record(sample_photo("coffee"))
    cross = joined(recording.of("cross"))
    assert recording.of("decoder").texts[0].strip() in texts(app)
    found, (layer, head, query) = shown(app), view(app)
    assert found.header["tokens"] == [visible(token) for token in cross.tokens]
    assert (found.header["grid"], found.header["prefix"]) == ([4, 4], cross.num_tokens - 16)
    assert (layer, head, query) == (1, 0, last_word(cross))
    np.testing.assert_allclose(found.seen(), cross.attention(1, 0, query), atol=3e-4)
    np.testing.assert_allclose(found.preview()[..., -16:], _all(cross, query)[..., -16:], atol=5e-3)
    (control,) = (each for each in app.get("button_group") if each.key == "image_stage")
    assert sorted(option.content for option in control.proto.options) == STAGES
    app = tell(app, view=found.header["view"] | {"query": 0}, more=True)
    assert view(app) == (1, 0, 0)
    assert any(text.startswith("What comes after") for text in texts(app))
    assert re.search(r"spreads over \d+\.\d positions of the photo; from all that is", shown(app).header["words"])
    app = tell(app, view=shown(app).header["view"] | {"query": 0, "matrix": True, "order": "distance"})
    layout = shown(app).header["figure"]["layout"]
    num_written = recording.of("cross").num_tokens
    assert layout["xaxis"]["range"] == [num_written - 0.5, cross.num_tokens - 0.5]
    assert layout["yaxis"]["range"] == [num_written - 0.5, -0.5]


def _all(recording: Recording, query: int) -> np.ndarray:
    return np.stack([recording.attention(layer, query=query) for layer in range(recording.num_layers)])


@pytest.mark.parametrize("stage", ["vision", "decoder"])
def test_the_other_stages(
    stage: str, folder: Path, model: TransformersCaption, sample_photo: Callable[[str], Path]
) -> None:
    app = open_captions(folder, stage=stage)
    recording = model.record(sample_photo("coffee")).of(stage)
    layer, head, query = view(app)
    assert shown(app).header["tokens"] == [visible(token) for token in recording.tokens]
    np.testing.assert_allclose(shown(app).seen(), recording.attention(layer, head, query), atol=3e-4)


def test_how_many_tokens_is_in_the_address(
    folder: Path, model: TransformersCaption, sample_photo: Callable[[str], Path]
) -> None:
    app = open_captions(folder, layer="0", head="1", query="2")
    app.number_input(key="image_tokens").set_value(2)
    run(app)
    kept = {"layer": "0", "head": "1"}
    assert address(app) == {"model": str(folder), "size": "as trained", "tokens": "2"} | kept
    expected = model.record(sample_photo("coffee"), count=2)
    assert expected.of("decoder").texts[0].strip() in texts(app)
    assert shown(app).header["prefix"] == expected.of("cross").num_tokens + 1
    again = open_captions(folder, tokens="2")
    assert again.number_input(key="image_tokens").value == 2
    assert shown(again).header["tokens"] == shown(app).header["tokens"]
    assert open_captions(folder, tokens="²").number_input(key="image_tokens").value == 20
    assert "tokens" not in address(_with(again, 20))


def _with(app: AppTest, tokens: int) -> AppTest:
    app.number_input(key="image_tokens").set_value(tokens)
    return run(app)


def test_the_call_records_the_same_again(folder: Path, model: TransformersCaption, tmp_path: Path) -> None:
    request = PhotoRequest(str(folder), "Cat", None, tokens=3)
    for name, content in request.call.files.items():
        (tmp_path / name).write_bytes(content)
    again = eval(request.call.code, {"model": model, "HERE": tmp_path})
    assert again.of("cross").tokens == model.record(request.photo, None, count=3).of("cross").tokens


def test_a_saved_recording_is_opened(folder: Path, model: TransformersCaption, tmp_path: Path) -> None:
    recording = model.record(PHOTO, count=4)
    recording.save(tmp_path / "saved.safetensors")
    app = open_image()
    (field,) = (each for each in app.file_uploader if each.key == "image_recording")
    content = (tmp_path / "saved.safetensors").read_bytes()
    field.set_value([("saved.safetensors", content, "application/octet-stream")])
    run(app)
    assert (errors(app), address(app)) == ([], {"opened": "1"})
    cross = joined(Recording.load(tmp_path / "saved.safetensors").of("cross"))
    assert view(app) == (1, 0, last_word(cross))
    np.testing.assert_allclose(shown(app).seen(), cross.attention(1, 0, last_word(cross)), atol=3e-4)


@pytest.mark.parametrize("page", ["how", "matter"])
def test_pages_that_take_models_apart_say_that_they_do_not_show_it(page: str, folder: Path) -> None:
    def script(page: str) -> None:
        from headlens.viz.pages import how_page, matter_page

        {"how": how_page, "matter": matter_page}[page].page()

    app = AppTest.from_function(script, default_timeout=SECONDS, args=(page,))
    app.query_params.update({"model": str(folder), "kind": "image", "size": "224"})
    run(app)
    sentence = "This page does not show a photo with this model; take another one, or the other kind of example."
    assert errors(app) == [sentence]
