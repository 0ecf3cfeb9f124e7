"""Captions: what is written, and what each word looks at, beside transformers' own `generate` and eager attention."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoImageProcessor, AutoTokenizer

from headlens.model import Recording, load_model
from headlens.model.analysis.joint import joined, last_word
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.captions.model import TransformersCaption
from headlens.model.huggingface.load.facts import read_facts
from headlens.model.recording.parts import Predicts
from tests.model.huggingface.caption_models import NAMES, eager_weights, load, of_transformers, save, save_donut
from tests.model.huggingface.image_models import PHOTO, PROCESSOR, towers
from tests.model.huggingface.image_models import save as save_image
from tests.sentences import is_one_sentence

PREFIX = {"deit-trocr": ("[CLS]", "[DIST]")}
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


def pixels_of(folder: Path) -> torch.Tensor:
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixels: torch.Tensor = own(images=PHOTO, return_tensors="pt")["pixel_values"]
    return pixels


def ids_of(model: TransformersCaption, **options: Any) -> tuple[int, ...]:
    return model.captioned(model.read(PHOTO), **options).ids


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("family", NAMES)
def test_every_layer_of_every_stage_is_the_models_own(family: str, dtype: torch.dtype, folder: FolderOf) -> None:
    model = load(folder(family), dtype)
    recording, ids = model.record(PHOTO, count=9), ids_of(model, count=9)
    assert (recording.stage, [*recording.stages]) == ("vision", ["decoder", "cross"])
    network = of_transformers(folder(family), dtype)
    said, weights = eager_weights(network, pixels_of(folder(family)).to(dtype), torch.tensor([ids]))
    largest = 0.0
    for stage, layers in weights.items():
        found = recording.of(stage)
        assert found.num_layers == len(layers) == 2
        for layer, theirs in enumerate(layers):
            expected = theirs[0].numpy()
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
    ids = network.generate(pixel_values=pixels_of(folder(family)), max_new_tokens=12, do_sample=False, num_beams=1)[0]
    assert len(set(ids.tolist())) > 2, "one token over and over would hide a mistake"
    recording, told = model.record(PHOTO, count=12, on_token=(parts := list[str]()).append), parts
    assert ids_of(model, count=12) == tuple(ids.tolist())
    text = tokenizer.decode(ids, skip_special_tokens=True)
    decoder, cross = recording.of("decoder"), recording.of("cross")
    assert decoder.texts == cross.texts == (text,)
    assert told[-1] == text
    assert len(told) == len(ids) - 1
    best = [each.candidates[0][0] for each in cross.predictions]
    assert best[:-1] == [model.predictor.name(token) for token in ids[1:].tolist()], "each is the most probable one"
    assert cross.special[0]
    assert cross.num_tokens == len(ids)


@pytest.mark.parametrize("family", NAMES)
def test_positions_are_named(family: str, folder: FolderOf) -> None:
    recording = load(folder(family)).record(PHOTO, count=3)
    prefix = PREFIX.get(family, ("[CLS]",))
    assert recording.tokens[: len(prefix) + 2] == (*prefix, "(0, 0)", "(0, 1)")
    assert (recording.prefix_tokens, recording.grid) == (len(prefix), (4, 4))
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
