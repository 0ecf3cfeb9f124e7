"""Captions: what is written, and what each word looks at, beside transformers' own `generate` and eager attention."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from headlens.model import Recording, load_model
from headlens.model.analysis.joint import joined, last_word
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.facts import read_facts
from headlens.model.recording.parts import Predicts
from tests.model.huggingface.caption_models import (
    NAMES,
    PLACES,
    eager_weights,
    inputs_of,
    load,
    of_transformers,
    save,
    save_donut,
)
from tests.model.huggingface.image_models import PHOTO, PROCESSOR, towers
from tests.model.huggingface.image_models import save as save_image
from tests.sentences import is_one_sentence

TASK = "What does the image describe?"  # as Florence-2's processor writes it
FolderOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a family, written when it is first asked for."""
    written: dict[str, Path] = {}

    def write(family: str) -> Path:
        if family not in written:
            written[family] = save(tmp_path_factory.mktemp(family), family)
        return written[family]

    return write


def prefix_of(family: str, folder: Path) -> tuple[str, ...]:
    """What the positions before the patches are called."""
    if family == "florence2":
        tokenizer = AutoTokenizer.from_pretrained(folder)
        pieces = [tokenizer.decode(token).strip() for token in tokenizer(TASK)["input_ids"][1:-1]]
        return ("[MEAN]", "<s>", *pieces, "</s>")
    return ("[CLS]", "[DIST]") if family == "deit-trocr" else ("[CLS]",)


def order_of(inputs: dict[str, torch.Tensor]) -> np.ndarray | slice:
    """Where a recording has the encoder's positions: Florence-2's places come last, behind their mean and the task."""
    if "input_ids" not in inputs:
        return slice(None)
    behind = 1 + PLACES[0] * PLACES[1]
    return np.r_[0, behind : inputs["input_ids"].shape[1], 1:behind]


def ids_of(model: TransformersCaption, **options: Any) -> tuple[int, ...]:
    return model.captioned(model.read(PHOTO), **options).ids


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("family", NAMES)
def test_every_layer_of_every_stage_is_the_models_own(family: str, dtype: torch.dtype, folder: FolderOf) -> None:
    model, inputs = load(folder(family), dtype), inputs_of(folder(family))
    recording, ids = model.record(PHOTO, count=9), ids_of(model, count=9)
    said, weights = eager_weights(of_transformers(folder(family), dtype), inputs, torch.tensor([ids]))
    assert [recording.stage, *recording.stages] == [*weights]
    assert [*recording.stages] == ["decoder", "cross"]
    order = order_of(inputs)
    largest = 0.0
    for stage, layers in weights.items():
        found = recording.of(stage)
        assert found.num_layers == len(layers) == 2
        for layer, theirs in enumerate(layers):
            expected = theirs[0].numpy()
            expected = expected if stage == "decoder" else expected[..., order]
            expected = expected[:, order] if stage == recording.stage else expected
            largest = max(largest, float(np.abs(found.attention(layer) - expected).max()))
            assert expected.max() > 2.5 / expected.shape[-1], "flat attention would hide a mistake"
    print(f"{family} {dtype}: {largest:.1g}")
    assert largest < (1e-8 if dtype == torch.float64 else 5e-5)
    probabilities = said.logits[0].float().softmax(dim=-1)
    for stage in ("decoder", "cross"):
        predictions = recording.of(stage).predictions
        assert [each.position for each in predictions] == list(range(len(ids)))
        for each, row in zip(predictions, probabilities):
            assert (len(each.candidates), each.of) == (10, Predicts.NEXT_TOKEN)
            np.testing.assert_allclose([score for _, score in each.candidates], row.topk(10).values, atol=1e-5)


@pytest.mark.parametrize("family", NAMES)
def test_the_caption_is_what_generate_writes(family: str, folder: FolderOf) -> None:
    model, tokenizer = load(folder(family)), AutoTokenizer.from_pretrained(folder(family))
    network = of_transformers(folder(family))
    ids = network.generate(**inputs_of(folder(family)), max_new_tokens=12, do_sample=False, num_beams=1)[0]
    assert len(set(ids.tolist())) > 2, "one token over and over would hide a mistake"
    recording, told = model.record(PHOTO, count=12, on_token=(parts := list[str]()).append), parts
    assert ids_of(model, count=12) == tuple(ids.tolist())
    text = tokenizer.decode(ids, skip_special_tokens=True)
    decoder, cross = recording.of("decoder"), recording.of("cross")
    assert decoder.texts == cross.texts == (text,)
    assert told[-1] == text
    assert len(told) == len(ids) - 1
    best = [each.candidates[0][0] for each in cross.predictions]
    forced = 1 if family == "florence2" else 0  # it always begins with the same token
    names = [model.predictor.name(token) for token in ids[1:].tolist()]
    assert best[forced:-1] == names[forced:], "each is the most probable one"
    assert cross.special[0]
    assert cross.num_tokens == len(ids)


@pytest.mark.parametrize("family", NAMES)
def test_positions_are_named(family: str, folder: FolderOf) -> None:
    recording = load(folder(family)).record(PHOTO, count=3)
    prefix = prefix_of(family, folder(family))
    assert recording.tokens[: len(prefix) + 2] == (*prefix, "(0, 0)", "(0, 1)")
    assert (recording.prefix_tokens, recording.grid) == (len(prefix), PLACES if family == "florence2" else (4, 4))
    cross = joined(recording.of("cross"))
    assert cross.tokens == (*recording.of("cross").tokens, *recording.tokens)
    assert cross.prefix_tokens == recording.of("cross").num_tokens + len(prefix)
    word = last_word(cross)
    assert not cross.special[word]
    row = cross.attention(1, 0, word)
    assert row[: recording.of("cross").num_tokens].sum() == 0
    np.testing.assert_allclose(row.sum(), 1, atol=1e-5)


@pytest.mark.parametrize("family", ["vit-gpt2", "blip"])
def test_other_sizes_show_the_whole_photo(family: str, folder: FolderOf) -> None:
    model, network = load(folder(family)), of_transformers(folder(family))
    recording = model.record(PHOTO, 224, count=4)
    assert recording.grid == (28, 42)
    assert "stretched to 28 × 42" in recording.notes["input"]
    pixels = model.read(PHOTO, 224).pixels
    ids = network.generate(pixel_values=pixels, interpolate_pos_encoding=True, max_new_tokens=4)[0]
    assert model.captioned(model.read(PHOTO, 224), 4).ids == tuple(ids.tolist())


@pytest.mark.parametrize("family", NAMES)
def test_one_token(family: str, folder: FolderOf) -> None:
    recording = load(folder(family)).record(PHOTO, count=1)
    assert [recording.of(stage).num_tokens for stage in ("decoder", "cross")] == [2, 2]


def test_how_many_tokens(folder: FolderOf) -> None:
    model = load(folder("deit-trocr"))
    assert model.max_tokens == 64
    assert model.record(PHOTO, count=1_000).of("cross").num_tokens <= 64
    for count in (0, -1, True, 2.5):
        with pytest.raises(InputError) as caught:
            model.record(PHOTO, count=count)  # type: ignore[arg-type]
        assert is_one_sentence(caught.value)


def test_writing_can_be_left(folder: FolderOf) -> None:
    class LeftError(Exception):
        pass

    def leave(text: str) -> None:
        raise LeftError

    with pytest.raises(LeftError):
        load(folder("vit-gpt2")).record(PHOTO, on_token=leave)
    layers: list[int] = []
    model = load(folder("blip"))
    model.record(PHOTO, count=2, on_layer=layers.append)
    assert layers == list(range(model.num_layers)) == list(range(6))


def test_settings_of_a_folder_that_would_steer_the_words_are_left_out(folder: FolderOf, tmp_path: Path) -> None:
    """As folders of before 2023 are: what begins a text stands in config.json; and with penalties and beams."""
    expected = ids_of(load(folder("vit-gpt2")))
    place = save(tmp_path, "vit-gpt2")
    settings = json.loads((place / "generation_config.json").read_text())
    (place / "generation_config.json").unlink()
    special = {name: value for name, value in settings.items() if name.endswith("_token_id")}
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | special))
    extractor = {"feature_extractor_type": "ViTFeatureExtractor", "size": 32}  # and its name and size were others
    extractor |= {
        name: PROCESSOR[name] for name in ("image_mean", "image_std", "do_normalize", "do_resize", "resample")
    }
    (place / "preprocessor_config.json").write_text(json.dumps(extractor))
    assert ids_of(load(place)) == expected
    steered = settings | {"num_beams": 4, "no_repeat_ngram_size": 1, "length_penalty": 2.0, "max_length": 5}
    (place / "generation_config.json").write_text(json.dumps(steered))
    assert ids_of(load(place)) == expected


@pytest.mark.parametrize("family", ["vit-gpt2", "deit-trocr", "blip"])
def test_a_recording_is_saved_and_opened(family: str, folder: FolderOf, tmp_path: Path) -> None:
    recording = load_model(str(folder(family)), device="cpu").record(PHOTO)  # type: ignore[attr-defined]
    recording.save(tmp_path / "caption.safetensors")
    same = Recording.load(tmp_path / "caption.safetensors")
    for stage in ("vision", "decoder", "cross"):
        one, other = recording.of(stage), same.of(stage)
        assert (one.tokens, one.predictions, one.texts) == (other.tokens, other.predictions, other.texts)
        np.testing.assert_array_equal(one.attention(1), other.attention(1))
    assert joined(same.of("cross")).grid == (4, 4)


@pytest.mark.parametrize("family", NAMES)
def test_facts(family: str, folder: FolderOf) -> None:
    facts = read_facts(folder(family), torch.device("cpu"))
    assert (facts.kind, facts.layers, facts.heads) == ("caption", 2, 4)
    network = of_transformers(folder(family))
    assert facts.parameters == pytest.approx(sum(each.numel() for each in network.parameters()), rel=0.05)


def test_a_blip_without_a_decoder_stays_a_vision_transformer(tmp_path: Path) -> None:
    assert read_facts(save_image(tmp_path, towers("Blip")), torch.device("cpu")).kind == "image"


def _begin_with(folder: Path, token: int) -> None:
    settings = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(settings | {"decoder_start_token_id": token}))


@pytest.mark.parametrize(("row", "column"), [(0, 0), (2, 5), (3, 1)])
def test_each_token_is_called_by_the_place_whose_feature_it_is(row: int, column: int, folder: FolderOf) -> None:
    """Another feature at one place of the grid that Florence-2's vision part gives: its token's key, and the mean's."""
    model = load(folder("florence2"))

    def other(_: torch.nn.Module, features: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        moved = features[0].clone()
        assert moved.shape[2:] == PLACES
        moved[:, ::2, row, column] += 3
        return (moved,)

    before = model.record(PHOTO, count=1)
    hook = model.network.get_submodule("model.multi_modal_projector").register_forward_pre_hook(other)
    after = model.record(PHOTO, count=1)
    hook.remove()
    off = np.abs(before.layers[0].key.numpy() - after.layers[0].key.numpy()).max(axis=(0, 2))
    assert [before.tokens[token] for token in np.flatnonzero(off > 1e-4)] == ["[MEAN]", f"({row}, {column})"]


def _change(folder: Path, name: str, *path: str, value: object) -> None:
    """A value in a JSON file of a folder, taken out if it is None."""
    settings = json.loads((folder / name).read_text())
    place = settings
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    if value is None:
        del place[path[-1]]
    (folder / name).write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("changed", "value", "reason"),
    [
        (("processor_config.json", "image_processor", "image_seq_length"), 24, "one token for each place"),
        (("processor_config.json", "image_processor", "size"), {"shortest_edge": 32}, "one token for each place"),
        (("config.json", "image_token_id"), 3, "one token for each place"),
        (("config.json", "vision_config", "patch_stride"), [2, 2, 2, 0], "cannot be run"),
        (("tokenizer_config.json", "image_token"), None, "cannot be run"),
        (("config.json", "text_config", "model_type"), "florence2_language", "transformers cannot read"),
    ],
)
def test_a_florence_whose_processor_does_not_fit_is_refused(
    changed: tuple[str, ...], value: object, reason: str, folder: FolderOf, tmp_path: Path
) -> None:
    place = shutil.copytree(folder("florence2"), tmp_path / "changed")
    _change(place, *changed, value=value)
    with pytest.raises(CheckpointError, match=reason) as caught:
        load_model(str(place), device="cpu")
    assert is_one_sentence(caught.value)


def test_a_florence_that_needs_its_own_code_is_refused(folder: FolderOf, tmp_path: Path) -> None:
    """As its makers saved it, before transformers had classes for it."""
    place = shutil.copytree(folder("florence2"), tmp_path / "own")
    _change(place, "config.json", "text_config", "model_type", value="florence2_language")
    _change(place, "config.json", "auto_map", value={"AutoConfig": "configuration_florence2.Florence2Config"})
    with pytest.raises(CheckpointError, match="such as those of florence-community") as caught:
        load_model(str(place), device="cpu")
    assert is_one_sentence(caught.value)


def test_refused(tmp_path: Path) -> None:
    for name, break_it, reason in (
        ("donut", save_donut, "DonutSwinModel works in windows"),
        ("tokenizer", lambda place: [path.unlink() for path in place.glob("*token*")], "There is no tokenizer"),
        ("start", lambda place: _begin_with(place, 999_999), "does not write of an image alone"),
        ("processor", lambda place: (place / "preprocessor_config.json").unlink(), "no preprocessor_config.json"),
    ):
        place = save(tmp_path / name, "vit-gpt2")
        break_it(place)
        with pytest.raises(CheckpointError, match=reason) as caught:
            load_model(str(place), device="cpu")
        assert is_one_sentence(caught.value)
