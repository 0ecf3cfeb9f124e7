"""A photo as the model reads it: the pixels of its own image processor, the classes of transformers' pipeline."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from transformers import AutoImageProcessor, pipeline

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.recording.parts import WHOLE
from tests.model.huggingface.image_models import LABELS, SHAPE, made, randomize, towers
from tests.model.inputs.pictures import noise

PHOTO = noise(96, 64)  # width, height
CROPPED = (0.1, 7 / 30, 0.9, 23 / 30)  # of a short side of 40, 32 in the middle
CROPPED_SQUARE = (0.1, 0.1, 0.9, 0.9)  # of 40 x 40
FAMILIES: dict[str, tuple[str, dict[str, Any], Any, tuple[float, ...]]] = {
    "ViT": ("ViTImageProcessor", {"size": {"height": 32, "width": 32}}, "ViT", WHOLE),
    "DeiT": (
        "DeiTImageProcessor",
        {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}},
        "DeiT",
        CROPPED_SQUARE,
    ),
    "BEiT": (
        "BeitImageProcessor",
        {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}, "do_center_crop": True},
        "Beit",
        CROPPED_SQUARE,
    ),
    "DINOv2": (
        "BitImageProcessor",
        {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}},
        "Dinov2",
        CROPPED,
    ),
    "CLIP": ("CLIPImageProcessor", {"size": {"shortest_edge": 40}, "crop_size": 32}, "CLIP", CROPPED),
    "SigLIP": ("SiglipImageProcessor", {"size": {"height": 32, "width": 32}}, "Siglip", WHOLE),
    "not resized": ("ViTImageProcessor", {"do_resize": False}, "ViT", WHOLE),
    "wide": ("ViTImageProcessor", {"size": {"height": 16, "width": 48}}, "ViT", WHOLE),
    "tall patches": ("ViTImageProcessor", {"size": {"height": 32, "width": 64}}, "ViT", WHOLE),
}
SIZES = {"not resized": (64, 96), "wide": (16, 48), "tall patches": (32, 64)}  # height, width: trained on
PATCHES = {"tall patches": (16, 8)}  # height, width


def write(folder: Path, family: str, **config: Any) -> str:
    processor, settings, name, _ = FAMILIES[family]
    shape = {**SHAPE, "image_size": SIZES.get(family, 32), "patch_size": PATCHES.get(family, 8), **config}
    kind = "ForImageClassification"
    network = towers(name, kind, **LABELS) if name in ("CLIP", "Siglip") else made(name, kind, **shape, **LABELS)
    if config.get("problem_type"):
        network.config.problem_type = config["problem_type"]
    randomize(network)
    network.save_pretrained(folder)
    getattr(transformers, f"{processor}Pil")(**settings).save_pretrained(folder)
    return str(folder)


def loaded(folder: str) -> TransformersImage:
    model = load_model(folder, device="cpu")
    assert isinstance(model, TransformersImage)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_pixels_are_the_processor_s_own_and_classes_the_pipeline_s(family: str, tmp_path: Path) -> None:
    folder = write(tmp_path, family)
    model = loaded(folder)
    read = model.read(PHOTO)
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    assert torch.equal(read.pixels, own(images=PHOTO, return_tensors="pt")["pixel_values"])
    height, width = SIZES.get(family, (32, 32))
    patch_height, patch_width = PATCHES.get(family, (8, 8))
    assert read.photo.grid == (height // patch_height, width // patch_width)
    assert read.photo.pixels.shape == (height, width, 3)
    assert read.photo.window == pytest.approx(FAMILIES[family][3], abs=0.01)
    plain = own(images=PHOTO, return_tensors="np", do_normalize=False, do_rescale=False)["pixel_values"][0]
    np.testing.assert_array_equal(read.photo.pixels, np.rint(plain).clip(0, 255).transpose(1, 2, 0))
    recording = model.record(PHOTO)
    expected = pipeline("image-classification", model=folder, image_processor=own)(PHOTO, top_k=10)
    (prediction,) = recording.predictions
    assert dict(prediction.candidates) == pytest.approx({row["label"]: row["score"] for row in expected}, abs=1e-5)
    assert "input" not in recording.notes


def test_labels_that_do_not_exclude_each_other(tmp_path: Path) -> None:
    folder = write(tmp_path, "DINOv2", problem_type="multi_label_classification")
    (prediction,) = loaded(folder).record(PHOTO).predictions
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    expected = pipeline("image-classification", model=folder, image_processor=own)(PHOTO, top_k=10)
    assert prediction.scores == "sigmoid"
    assert dict(prediction.candidates) == pytest.approx({row["label"]: row["score"] for row in expected}, abs=1e-5)


def test_the_whole_photo_is_the_visitor_s_choice(tmp_path: Path) -> None:
    model = loaded(write(tmp_path, "DINOv2"))
    assert model.default_size is None
    recording = model.record(PHOTO, 224)
    assert recording.grid == (28, 42)
    assert recording.photo is not None
    assert recording.photo.window == WHOLE
    assert recording.notes["input"] == (
        "The model was trained on 4 × 4 patches; their positions were stretched to 28 × 42."
    )


def test_a_padded_photo_is_seen_whole(tmp_path: Path) -> None:
    folder = write(tmp_path, "DINOv2")
    transformers.BitImageProcessorPil(do_resize=False, crop_size={"height": 96, "width": 96}).save_pretrained(folder)
    read = loaded(folder).read(PHOTO)
    assert read.photo.grid == (12, 12)
    assert read.photo.window == pytest.approx((-0.25, 0, 1.25, 1), abs=0.01)  # black above and below


def test_a_small_part_of_a_large_photo(tmp_path: Path) -> None:
    folder = write(tmp_path, "DINOv2")
    transformers.BitImageProcessorPil(do_resize=False, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    photo = noise(1_000, 700).resize((4_000, 2_800))
    read = loaded(folder).read(photo)
    expected = (1_384 / 2_800, 1_984 / 4_000, 1_416 / 2_800, 2_016 / 4_000)
    assert read.photo.window == pytest.approx(expected, abs=1e-3)
    assert read.photo.aspect == pytest.approx(1, abs=0.05)
    np.testing.assert_array_equal(read.photo.pixels, np.asarray(photo)[1_384:1_416, 1_984:2_016])


@pytest.mark.parametrize("crop", ["x", {"height": "x", "width": 32}, {"height": -4, "width": 32}])
def test_a_crop_that_means_nothing(crop: object, tmp_path: Path) -> None:
    folder = Path(write(tmp_path, "CLIP"))
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"crop_size": crop}))
    with pytest.raises(CheckpointError, match="image processor in"):
        load_model(str(folder), device="cpu")


def test_grey_models_read_grey_photos(tmp_path: Path) -> None:
    network = made("ViT", "ForImageClassification", **SHAPE, num_channels=1, **LABELS)
    randomize(network)
    network.save_pretrained(tmp_path)
    settings = {"size": {"height": 32, "width": 32}, "image_mean": [0.5], "image_std": [0.5]}
    transformers.ViTImageProcessorPil(**settings).save_pretrained(tmp_path)
    model = loaded(str(tmp_path))
    own = AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    read = model.read(PHOTO)
    assert torch.equal(read.pixels, own(images=PHOTO.convert("L"), return_tensors="pt")["pixel_values"])
    assert (read.photo.pixels[..., 0] == read.photo.pixels[..., 2]).all()
    assert model.record(PHOTO, 224).grid == (28, 42)
    assert model.read(PHOTO, 224).pixels.shape == (1, 1, 224, 336)


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("ViT", {"num_channels": 6}, "reads 6 channels, but a photo has one or three"),
        ("ViTMAE", {}, "hides most patches at random"),
        ("Yolos", {"image_size": [32, 32], "num_detection_tokens": 3}, "has detection tokens behind the patches"),
    ],
)
def test_what_is_refused_says_why(name: str, config: dict[str, Any], words: str, tmp_path: Path) -> None:
    made(name, **{**SHAPE, **config}).save_pretrained(tmp_path)
    transformers.ViTImageProcessorPil().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=words):
        load_model(str(tmp_path), device="cpu")


def test_a_processor_that_would_fill_the_memory(tmp_path: Path) -> None:
    folder = write(tmp_path, "CLIP")
    transformers.CLIPImageProcessorPil(crop_size={"height": 10**6, "width": 10**6}).save_pretrained(folder)
    with pytest.raises(CheckpointError, match="makes pictures of 1,000,000 pixels"):
        load_model(folder, device="cpu")


def test_a_processor_that_cannot_be_run_here(tmp_path: Path) -> None:
    network = made("DINOv3ViT", **SHAPE, num_register_tokens=2)
    randomize(network)
    network.save_pretrained(tmp_path)
    settings = {"image_processor_type": "DINOv3ViTImageProcessorFast", "size": {"height": 32, "width": 32}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    recording = loaded(str(tmp_path)).record(PHOTO)
    assert recording.grid == (4, 6)
    assert recording.notes["input"] == (
        "The model's own image processor needs torchvision, so the whole photo was resized here instead."
    )


def test_a_photo_of_one_pixel(tmp_path: Path) -> None:
    assert loaded(write(tmp_path, "ViT")).record(Image.new("RGB", (1, 1), "red")).grid == (4, 4)
