"""Folders whose images cannot be read or recorded truly: each is refused with one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.multimodal.placement import image_placement_of
from headlens.model.huggingface.vision.load import load_image
from tests.model.huggingface.image_models import (
    DESCRIPTION,
    FAMILIES,
    PHOTO,
    PROCESSOR,
    SHAPE,
    load,
    made,
    save,
    towers,
)
from tests.model.huggingface.image_text_models import llava, tokenizer
from tests.sentences import is_one_sentence

SWIN: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 4,
    "embed_dim": 16,
    "depths": [1, 1],
    "num_heads": [2, 2],
    "window_size": 4,
}
REFUSED = {
    "swin": (lambda: made("Swin", **SWIN), "in windows"),
    "yolos": (
        lambda: made("Yolos", num_detection_tokens=5, **SHAPE | {"image_size": [32, 32]}),
        "detection tokens behind the patches",
    ),
    "vit_mae": (lambda: made("ViTMAE", mask_ratio=0.5, **SHAPE), "hides most patches at random"),
    "data2vec": (lambda: made("Data2VecVision", **SHAPE), "does not say its own"),
    "siglip2": (lambda: towers("Siglip2"), "cannot be run on an image"),
}


@pytest.mark.parametrize("family", REFUSED)
def test_refused(family: str, tmp_path: Path) -> None:
    build, reason = REFUSED[family]
    with pytest.raises(CheckpointError, match=reason) as caught:
        load(save(tmp_path, build()))
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"image_std": [0.5, 0, 0.5]}, "divides by nothing"),
        ({"image_mean": [0.5, "x", 0.5]}, "three numbers"),
        ({"image_mean": [0.5, float("nan"), 0.5]}, "three numbers"),
        ({"size": {"height": 10**12}}, "pixels"),
        ({"size": "large"}, "pixels"),
        (None, "There is no preprocessor_config.json"),
    ],
    ids=str,
)
def test_a_processor_that_says_nonsense(changed: dict | None, reason: str, tmp_path: Path) -> None:
    processor = None if changed is None else PROCESSOR | changed
    with pytest.raises(CheckpointError, match=reason) as caught:
        load(save(tmp_path, FAMILIES["vit"][0](), processor))
    assert is_one_sentence(caught.value)


def test_a_processor_inside_a_processor(tmp_path: Path) -> None:
    folder = save(tmp_path, FAMILIES["clip"][0](), None)
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": PROCESSOR | {"size": 40}}))
    assert load(folder).record(PHOTO).grid == (5, 5)  # ViT's makes squares
    assert load(folder).record(PHOTO, 40).grid == (5, 8)  # 60 / 8 = 7.5, to the nearest even


def test_weights_that_are_missing_are_not_made_up(tmp_path: Path) -> None:
    folder = save(tmp_path, FAMILIES["vit"][0]())
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(CheckpointError, match=r"lack layers\.2|lack .*layer\.2") as caught:
        load(folder)
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize("architectures", [{"a": 1}, "ViT", [], [None], None, ["Trainer"]], ids=str)
def test_odd_names_of_classes_do_no_harm(architectures: object, tmp_path: Path) -> None:
    folder = save(tmp_path, FAMILIES["vit"][0]())
    config = read_config(folder) | {"architectures": architectures}
    model = load_image(folder, config, DESCRIPTION, device=torch.device("cpu"), dtype=torch.float32)
    assert type(model.network).__name__ == "ViTModel"


@pytest.mark.parametrize(("name", "value"), [("image_size", 10**6), ("patch_size", 0)])
def test_sizes_that_no_image_has(name: str, value: int) -> None:
    network = llava()
    setattr(network.config.vision_config, name, value)
    with pytest.raises(CheckpointError) as caught:
        image_placement_of(network, tokenizer().backend_tokenizer)
    assert is_one_sentence(caught.value)
