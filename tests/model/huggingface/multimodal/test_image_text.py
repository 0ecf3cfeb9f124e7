"""Images inside a language model: the recorded weights are the model's own, and each patch stands where it is."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor

from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.network import load_network
from headlens.model.huggingface.multimodal.model import TransformersImageText
from headlens.model.recording.recording import Recording
from headlens.viz.figures.overlay import patch_overlay
from tests.model.huggingface.image_models import PROCESSOR, towers
from tests.model.huggingface.image_text_models import (
    FAMILIES,
    FRAME,
    IMAGE,
    PROMPT,
    eager_weights,
    llava,
    load,
    prompt,
    save_with_text,
)
from tests.model.inputs.pictures import noise
from tests.sentences import is_one_sentence

GRIDS = {
    "llava": (8, 8),
    "llava-siglip": (8, 8),
    "idefics3": (4, 4),
    "smolvlm": (4, 4),
    "qwen2_vl": (8, 12),
}  # of what the tokens stand for
Folder = Callable[[str], Path]


def record(model: TransformersImageText, photo: Image.Image, family: str, text: str = PROMPT) -> Recording:
    return model.record(photo, text, size=224 if family == "qwen2_vl" else None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The folder of a family, written when it is first asked for."""
    written: dict[str, Path] = {}

    def write(family: str) -> Path:
        if family not in written:
            written[family] = save_with_text(tmp_path_factory.mktemp(family), FAMILIES[family]())
        return written[family]

    return write


def inputs(family: str, recording: Recording, dtype: torch.dtype) -> dict[str, Any]:
    """What transformers' own processors, or their arithmetic by hand, make of the photo as it was read."""
    assert recording.photo is not None
    pixels = recording.photo.pixels
    ids = torch.tensor([prompt(family, recording.photo.grid)])
    if family == "qwen2_vl":
        size = {"shortest_edge": 28 * 28, "longest_edge": 10**7}
        processor = transformers.models.qwen2_vl.image_processing_pil_qwen2_vl.Qwen2VLImageProcessorPil(
            image_mean=PROCESSOR["image_mean"], image_std=PROCESSOR["image_std"], size=size
        )
        made = processor(Image.fromarray(pixels), return_tensors="pt")
        return {
            "input_ids": ids,
            "pixel_values": made["pixel_values"].to(dtype),
            "image_grid_thw": made["image_grid_thw"],
            "mm_token_type_ids": (ids == IMAGE).int(),
        }
    mean, std = (torch.tensor(PROCESSOR[name])[:, None, None] for name in ("image_mean", "image_std"))
    tensor = ((torch.tensor(pixels).permute(2, 0, 1) / 255 - mean) / std)[None].to(dtype)
    return {"input_ids": ids, "pixel_values": tensor if "llava" in family else tensor[:, None]}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_the_models_own(family: str, dtype: torch.dtype, folder: Folder) -> None:
    model = load(folder(family), dtype)
    recording = record(model, noise(96, 64), family)
    network = load_network(folder(family), type(model.network).__name__, dtype)
    outputs, weights = eager_weights(network, **inputs(family, recording, dtype))
    assert recording.photo is not None
    assert recording.grid == GRIDS[family]
    patches = np.array(prompt(family, recording.photo.grid)) == IMAGE
    order = np.concatenate([np.flatnonzero(~patches), np.flatnonzero(patches)])
    assert len(weights) == 4
    largest = 0.0
    for layer, theirs in enumerate(weights[2:]):
        expected = theirs[0].numpy()[:, order][:, :, order]
        largest = max(largest, float(np.abs(recording.attention(layer) - expected).max()))
        np.testing.assert_allclose(recording.attention(layer).sum(axis=-1), 1, atol=1e-5)
        assert expected[:, -1].max() > 5 / len(order), "flat attention would hide a mistake"
    vision = recording.of("vision")
    for layer, theirs in enumerate(weights[:2]):
        expected = theirs[0].numpy()
        if family == "qwen2_vl":  # the four patches of a token stand next to each other
            rows, columns = recording.photo.grid
            places = np.arange(4 * rows * columns).reshape(rows, columns, 2, 2).swapaxes(1, 2).ravel()
            expected = expected[:, places][:, :, places]
        largest = max(largest, float(np.abs(vision.attention(layer) - expected).max()))
    print(f"{family} {dtype}: {largest:.1g}")
    assert largest < (1e-8 if dtype == torch.float64 else 5e-5)
    probabilities = outputs.logits[0, -1].float().softmax(dim=-1)
    (prediction,) = recording.predictions
    assert prediction.position == recording.prefix_tokens - 1
    np.testing.assert_allclose([p for _, p in prediction.candidates], probabilities.topk(10).values, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_positions_are_named(family: str, folder: Folder) -> None:
    recording = record(load(folder(family)), noise(96, 64), family)
    before, after = FRAME[family]
    prefix = recording.tokens[: recording.prefix_tokens]
    assert prefix[: 1 + len(before) + len(after)] == ("<bos>", *before, *after)
    assert "".join(prefix[1 + len(before) + len(after) :]) == PROMPT.replace(" ", "")
    assert recording.tokens[recording.prefix_tokens] == "(0, 0)"
    assert recording.special.tolist() == [True] * len(prefix) + [False] * (recording.num_tokens - len(prefix))
    assert recording.stage == "decoder"
    assert recording.photo is not None
    patch_overlay(recording.photo, recording.attention(1, 0, len(prefix) - 1), prefix, query=len(prefix) - 1)
    vision, side = recording.of("vision"), 1 if "llava" in family else 2
    assert vision.grid == (GRIDS[family][0] * side, GRIDS[family][1] * side)
    assert vision.prefix_tokens == (1 if family == "llava" else 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_looks_ahead_in_the_prompt(family: str, folder: Folder) -> None:
    recording = record(load(folder(family)), noise(96, 64), family)
    weights, prefix = recording.attention(0), recording.prefix_tokens
    first = 1 + len(FRAME[family][0])  # positions before the image
    assert (weights[:, :first, prefix:] == 0).all(), "what stands before the image sees no patch"
    assert (weights[:, first:prefix, prefix:] > 0).any(axis=-1).all(), "what stands behind it does"
    assert (weights[:, prefix:, first:prefix] == 0).all(), "patches see nothing of the text behind them"
    assert (np.triu(weights[:, prefix:, prefix:], 1) == 0).all(), "nor later patches"


@pytest.mark.parametrize("family", FAMILIES)
def test_patches_stand_where_they_are_on_the_photo(family: str, folder: Folder) -> None:
    """With the vision part's attention cut off, only the token of the changed patch moves."""
    model = load(folder(family))
    for name, parameter in model.network.named_parameters():
        if re.search(r"visi.*(out_proj|attn\.proj)|visual.*attn\.proj", name):
            parameter.data.zero_()
    photo = model.read(Image.new("RGB", (96, 64), "gray"), 224 if family == "qwen2_vl" else None).photo
    columns = photo.grid[1]
    height, width = (length // count for length, count in zip(photo.pixels.shape, photo.grid))
    pixels = photo.pixels.copy()
    pixels[2 * height : 3 * height, (columns - 1) * width :] = np.asarray(noise(width, height))

    def queries(image: np.ndarray) -> np.ndarray:  # [head, token, d_head]
        return record(model, Image.fromarray(image), family).query(0)

    moved = np.abs(queries(pixels) - queries(photo.pixels)).max(axis=(0, 2))
    recording = record(model, Image.fromarray(pixels), family)
    assert [recording.tokens[place] for place in np.flatnonzero(moved > 1e-4)] == [f"(2, {columns - 1})"]


def test_layers_share_their_mask_in_memory(folder: Folder) -> None:
    layers = record(load(folder("llava")), noise(64, 64), "llava").layers
    assert layers[0].mask is not None
    assert layers[0].mask is layers[1].mask


def test_what_cannot_be_read(folder: Folder) -> None:
    model = load(folder("qwen2_vl"))
    for text, size in ((" ", 224), ("An <image> in words", 224), (PROMPT, 448), (PROMPT, "letterbox"), (PROMPT, 3)):
        with pytest.raises(InputError) as caught:
            model.record(noise(96, 64), text, size)  # type: ignore[arg-type]
        assert is_one_sentence(caught.value)


def test_a_long_text_is_cut_and_says_so(folder: Folder) -> None:
    recording = record(load(folder("llava")), noise(64, 64), "llava", "cat " * 900)
    assert recording.num_tokens == 400
    assert recording.notes["input"].startswith("This model reads 400 tokens")


def test_refused(tmp_path: Path) -> None:
    families = {"clip": lambda: towers("CLIP"), "full": lambda: llava(vision_feature_select_strategy="full")}
    for name, reason in (("clip", "not known here"), ("full", "one token for each patch")):
        with pytest.raises(CheckpointError, match=reason) as caught:
            load(save_with_text(tmp_path / name, families[name]()))
        assert is_one_sentence(caught.value)


def test_llava_reads_what_its_own_image_processor_cuts(tmp_path: Path) -> None:
    folder = save_with_text(tmp_path, llava())
    transformers.CLIPImageProcessorPil(size={"shortest_edge": 40}, crop_size=32).save_pretrained(folder)
    model = load(folder)
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    read = model.read(noise(96, 64))
    assert torch.equal(read.pixels, own(images=noise(96, 64), return_tensors="pt")["pixel_values"])
    assert read.photo.window == pytest.approx((0.1, 7 / 30, 0.9, 23 / 30), abs=0.01)
    recording = model.record(noise(96, 64), PROMPT)
    assert (model.sizes, recording.grid) == ((None,), (8, 8))
    assert "input" not in recording.notes


def test_tiles_are_not_read_and_the_page_says_so(folder: Folder) -> None:
    model = load(folder("idefics3"))
    assert not model.has_own_processor
    assert "not by the model's own image processor" in model.record(noise(96, 64), PROMPT).notes["input"]
