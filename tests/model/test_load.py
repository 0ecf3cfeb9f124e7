"""What a loaded model hands back beside the weights: names, places, notes, progress."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headlens.model import load_model
from headlens.model.errors import InputError
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.sentences import is_one_sentence


def test_a_model_that_is_not_in_the_catalogue() -> None:
    with pytest.raises(ValueError, match=r"'gpt-7'.*minilm-l6, dinov2-focus") as caught:
        load_model("gpt-7")
    assert is_one_sentence(caught.value)


def test_a_text(minilm: EncoderTextModel) -> None:
    recording = minilm.record("Where do heads look?")
    assert recording.tokens == ("[CLS]", "Where", "do", "heads", "look", "?", "[SEP]")
    assert (recording.num_layers, recording.num_heads) == (6, 12)
    assert recording.model.name == "minilm-l6"
    assert recording.texts == ("Where do heads look?",)
    assert (recording.grid, recording.photo, recording.prefix_tokens) == (None, None, 0)
    assert recording.device == "cpu"
    assert 0 < recording.seconds < 60
    assert recording.notes == {}
    assert np.linalg.norm(recording.outputs["embedding"]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("text", "kept", "given"), [("word " * 600, 510, 600), (("word " * 600, "a b"), 509, 602)])
def test_a_cut_text_says_so(minilm: EncoderTextModel, text: str | tuple[str, str], kept: int, given: int) -> None:
    recording = minilm.record(text)
    assert recording.num_tokens == 512
    note = recording.notes["input"]
    assert re.findall(r"\d+", note) == ["512", str(kept), str(given)]
    assert note.endswith(".")


def test_a_text_that_just_fits_is_not_cut(minilm: EncoderTextModel) -> None:
    recording = minilm.record("word " * 510)
    assert recording.num_tokens == 512
    assert "input" not in recording.notes


@pytest.mark.parametrize("size", [224, "letterbox"])
def test_a_photo(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path], size: int) -> None:
    recording = dinov2.record(sample_photo("coffee"), size)
    columns = 24 if size == 224 else 16
    assert recording.grid == (16, columns)
    assert (recording.num_layers, recording.num_heads) == (12, 6)
    assert recording.num_tokens == 1 + 16 * columns
    assert recording.tokens[:2] == ("[CLS]", "(0, 0)")
    assert recording.tokens[1 + columns] == "(1, 0)"
    assert recording.tokens[-1] == f"(15, {columns - 1})"
    assert recording.special.nonzero()[0].tolist() == [0]
    assert recording.prefix_tokens == 1
    saliency = recording.outputs["saliency"]
    assert saliency.shape == (224, 14 * columns)
    assert 0 <= saliency.min() < saliency.max() <= 1
    assert recording.outputs["embedding"].shape == (384,)
    assert ("saliency" in recording.notes) == (size == 224)


def test_rows_of_patches_are_rows_of_the_image(dinov2: EncoderImageModel) -> None:
    """A bright corner: the patch that differs from all others is the one that its name says."""
    photo = Image.new("RGB", (336, 224))
    photo.paste("white", (14 * 20, 14 * 3, 14 * 21, 14 * 4))  # row 3, column 20
    keys = dinov2.record(photo, 224).key(0)[:, 1:]
    unusual = np.linalg.norm(keys - np.median(keys, axis=1, keepdims=True), axis=(0, 2))
    assert divmod(int(unusual.argmax()), 24) == (3, 20)


def test_progress_is_told_layer_by_layer(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    told: list[int] = []
    minilm.record(("a", "b"), on_layer=told.append)
    assert told == list(range(minilm.num_layers))
    told.clear()
    dinov2.record(Image.new("RGB", (14, 14)), 224, on_layer=told.append)
    assert told == list(range(dinov2.num_layers))


def test_a_stopped_run_leaves_the_model_as_it_was(minilm: EncoderTextModel) -> None:
    def stop(layer: int) -> None:
        if layer == 2:
            raise TimeoutError

    before = minilm.record("Stop and go.")
    with pytest.raises(TimeoutError):
        minilm.record("Another text.", on_layer=stop)
    np.testing.assert_array_equal(minilm.record("Stop and go.").attention(5), before.attention(5))


def test_what_cannot_be_read_is_refused(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    with pytest.raises(InputError):
        minilm.record("")
    with pytest.raises(InputError):
        dinov2.record(b"")
