"""Vision transformers of transformers: each layer's recomputed weights against the model's own eager ones."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headlens.model.errors import InputError
from headlens.model.huggingface.load.facts import read_facts
from headlens.model.huggingface.load.limits import read_config
from headlens.model.huggingface.load.network import load_network, text_class, vision_class
from headlens.model.huggingface.record.probe import probe
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.viz.figures.overlay import patch_overlay
from tests.model.huggingface.image_models import (
    CLASSES,
    FAMILIES,
    PHOTO,
    PROCESSOR,
    eager_attentions,
    load,
    save,
    towers,
)
from tests.model.inputs.pictures import noise
from tests.references import dinov2_like
from tests.sentences import is_one_sentence

STRETCHED = {"vit", "deit", "beit", "clip", "blip", "siglip", "ijepa"}  # where the forward has to be told


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family, written when it is first asked for."""
    written: dict[str, Path] = {}

    def write(family: str) -> Path:
        if family not in written:
            written[family] = save(tmp_path_factory.mktemp(family), FAMILIES[family][0]())
        return written[family]

    return write


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_layer_is_the_models_own(family: str, dtype: torch.dtype, folder: Callable[[str], Path]) -> None:
    model = load(folder(family), dtype)
    layers: list[int] = []
    recording = model.record(PHOTO, on_layer=layers.append)
    network = load_network(folder(family), type(model.network).__name__, dtype)
    options = {"interpolate_pos_encoding": True} if family.split("-")[0] in STRETCHED else {}
    theirs = eager_attentions(network, pixel_values=model.read(PHOTO).pixels.to(dtype), **options)
    assert len(theirs) == recording.num_layers == model.num_layers == 2
    assert layers == [0, 1]
    largest = 0.0
    for layer, weights in enumerate(theirs):
        ours = recording.attention(layer)
        assert ours.dtype == (np.float64 if dtype == torch.float64 else np.float32)
        np.testing.assert_allclose(ours.sum(axis=-1), 1, atol=1e-5)
        largest = max(largest, float(np.abs(ours - weights[0].numpy()).max()))
        assert weights[0].amax(dim=-1).mean() > 2.5 / recording.num_tokens, "flat attention would hide a mistake"
    print(f"{family} {dtype}: {largest:.1g}")
    assert largest < (1e-8 if dtype == torch.float64 else 5e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_positions_are_named(family: str, folder: Callable[[str], Path]) -> None:
    prefix = FAMILIES[family][1]
    recording = load(folder(family)).record(PHOTO, 32)
    assert recording.grid == (4, 6)
    assert recording.photo is not None
    assert recording.photo.pixels.shape == (32, 48, 3)
    assert recording.photo.aspect == 1.5
    assert recording.tokens[: len(prefix) + 7] == (*prefix, *(f"(0, {column})" for column in range(6)), "(1, 0)")
    assert recording.tokens[-1] == "(3, 5)"
    assert recording.prefix_tokens == len(prefix) == recording.special.sum()
    assert recording.outputs["embedding"].shape == (32,)
    query = len(prefix) + 8
    patch_overlay(recording.photo, recording.attention(1, 2, query), prefix, query=query)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_says_that_it_reads_images(family: str, folder: Callable[[str], Path]) -> None:
    facts = read_facts(folder(family), torch.device("cpu"))
    assert (facts.kind, facts.layers, facts.heads) == ("image", 2, 4)


def test_a_query_looks_where_the_model_looks_on_the_photo(folder: Callable[[str], Path]) -> None:
    """A patch's weights move when that patch of the photo changes: the grid is not turned."""
    model = load(folder("dinov3"))
    pixels = np.asarray(Image.new("RGB", (48, 32))).copy()
    before = model.record(Image.fromarray(pixels), 32).query(0)
    pixels[16:24, 40:48] = (255, 0, 99)
    after = model.record(Image.fromarray(pixels), 32)
    moved = np.abs(after.query(0) - before).max(axis=(0, 2))
    assert after.tokens[int(moved.argmax())] == "(2, 5)"
    assert (moved > 1e-4).sum() == 1


def test_pixels_are_normalised_as_the_folder_says(folder: Callable[[str], Path]) -> None:
    pixels = load(folder("vit")).read(Image.new("RGB", (32, 32), (255, 51, 0))).pixels
    expected = [(1 - 0.5) / 0.5, (0.2 - 0.45) / 0.25, (0 - 0.4) / 0.3]
    np.testing.assert_allclose(pixels[0, :, 5, 7], expected, rtol=1e-6)


def test_other_sizes(folder: Callable[[str], Path]) -> None:
    model = load(folder("dinov2"))
    assert model.record(PHOTO, 64).grid == (8, 12)
    for size in (31, 1037, "letterbox", 2.5):
        with pytest.raises(InputError) as caught:
            model.record(PHOTO, size)  # type: ignore[arg-type]
        assert is_one_sentence(caught.value)


@pytest.mark.parametrize("family", ["vit-classifier", "dinov2-classifier", "clip-classifier"])
def test_classes(family: str, folder: Callable[[str], Path]) -> None:
    model = load(folder(family))
    (prediction,) = model.record(PHOTO).predictions
    options = {} if family.startswith("dino") else {"interpolate_pos_encoding": True}
    with torch.inference_mode():
        logits = model.network(pixel_values=model.read(PHOTO).pixels, **options).logits[0]
    expected = sorted(zip(logits.softmax(dim=-1).tolist(), CLASSES.values()), reverse=True)[:10]
    assert prediction.position is None
    assert [label for label, _ in prediction.candidates] == [label for _, label in expected]
    np.testing.assert_allclose([p for _, p in prediction.candidates], [p for p, _ in expected], atol=1e-6)


def test_the_embedding_is_of_the_first_token_or_the_mean(folder: Callable[[str], Path]) -> None:
    for family in ("dinov2", "siglip"):
        model = load(folder(family))
        options = {} if family == "dinov2" else {"interpolate_pos_encoding": True}
        with torch.inference_mode():
            hidden = model.network(pixel_values=model.read(PHOTO).pixels, **options).last_hidden_state[0]
        expected = hidden[0] if family == "dinov2" else hidden.mean(dim=0)
        np.testing.assert_allclose(model.record(PHOTO).outputs["embedding"], expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_norms_are_of_what_leaves_the_last_layer(family: str, folder: Callable[[str], Path]) -> None:
    """By a hook on the last layer of transformers' own eager model; and the same in a batch, alone or with the rest."""
    model = load(folder(family))
    network = load_network(folder(family), type(model.network).__name__, torch.float32)
    network.set_attn_implementation("eager")
    (last,) = [module for name, module in network.named_modules() if re.search(r"\blayers?\.1$", name)]
    left: list[torch.Tensor] = []
    last.register_forward_hook(lambda _, __, out: left.append(out[0] if isinstance(out, tuple) else out))
    options = {"interpolate_pos_encoding": True} if family.split("-")[0] in STRETCHED else {}
    photos = [PHOTO, noise(96, 64).rotate(180)]
    batch = model.record_attention([model.read(photo) for photo in photos])
    for photo, attention in zip(photos, batch, strict=True):
        with torch.inference_mode():
            network(pixel_values=model.read(photo).pixels, **options)
        expected = left.pop()[0].double().square().sum(dim=-1).sqrt().numpy()
        assert np.ptp(expected) > 0.05 * expected.mean(), "behind a norm all would be of one length"
        for recording in (model.record(photo), attention):
            assert recording.outputs["norms"].shape == (recording.num_tokens,)
            np.testing.assert_allclose(recording.outputs["norms"], expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["CLIP", "Siglip"])
def test_the_text_tower_can_be_recorded(name: str, tmp_path: Path) -> None:
    folder = save(tmp_path, towers(name))
    config = read_config(folder)
    assert (vision_class(config), text_class(config)) == (f"{name}VisionModel", f"{name}TextModel")
    network = load_network(folder, text_class(config), torch.float32)
    real = torch.arange(12) < torch.tensor([[12], [8]])
    ids = torch.randint(5, 99, (2, 12), generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": ids, "attention_mask": real.long()}
    probed = probe(network, inputs, real)
    assert probed.difference < 5e-5
    run = probed.recorder.run({"input_ids": inputs["input_ids"][:1]})
    weights = run.stages["encoder"][1].weights(slice(None))
    assert bool((weights.triu(1) == 0).all()) == (name == "CLIP"), "CLIP's texts are read from left to right"


def test_one_tower_alone_has_no_other() -> None:
    assert vision_class({"model_type": "vit"}) is None
    assert text_class({"model_type": "no such thing"}) is None


def test_dinov2_is_the_same_as_our_own(
    dinov2: EncoderImageModel, sample_photo: Callable[[str], Path], tmp_path: Path
) -> None:
    from headlens.model.pretrained.dinov2_onnx import CONFIG

    dinov2_like(dinov2.network, CONFIG).save_pretrained(tmp_path)
    processor = PROCESSOR | {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225], "size": 224}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(processor))
    ours, theirs = dinov2.record(sample_photo("coffee"), 224), load(tmp_path).record(sample_photo("coffee"), 224)
    assert ours.tokens == theirs.tokens
    for layer in range(12):
        assert np.abs(ours.attention(layer) - theirs.attention(layer)).max() < 1e-4
    np.testing.assert_allclose(ours.outputs["embedding"], theirs.outputs["embedding"], atol=1e-3)
