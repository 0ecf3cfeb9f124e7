"""Folders of models of sounds that are damaged, hostile or of a kind that is not known: one sentence each."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import EncodecFeatureExtractor

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.sound.speech import TransformersSpeech
from tests.model.huggingface.sound_models import WHISPER, sound, write
from tests.sentences import is_one_sentence


def refusal(folder: Path) -> str:
    started = time.perf_counter()
    with pytest.raises(CheckpointError) as caught:
        load_model(str(folder), device="cpu")
    assert is_one_sentence(caught.value)
    assert time.perf_counter() - started < 20
    return str(caught.value)


def change(folder: Path, values: Mapping[str, object], name: str = "preprocessor_config.json") -> None:
    """Other values in a JSON file, or in the feature extractor's part of it."""
    path = folder / name
    settings = json.loads(path.read_text())
    settings.get("feature_extractor", settings).update(values)
    path.write_text(json.dumps(settings))


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("whisper-encoder", {"chunk_length": 10**9}),
        ("whisper-encoder", {"n_fft": 10**9}),
        ("whisper-encoder", {"feature_size": 10**7}),
        ("whisper-encoder", {"hop_length": 0}),
        ("whisper-encoder", {"sampling_rate": 0}),
        ("ast", {"max_length": 10**10}),
        ("ast", {"num_mel_bins": 10**7}),
        ("ast", {"num_mel_bins": "many"}),
        ("wav2vec2", {"sampling_rate": -16_000}),
        ("wav2vec2", {"sampling_rate": 1e308}),
    ],
)
def test_sizes_that_no_extractor_has(family: str, values: dict[str, object], tmp_path: Path) -> None:
    change(write(family, tmp_path), values)
    assert f"says {next(iter(values))} = " in refusal(tmp_path)


@pytest.mark.parametrize(
    ("family", "values"),
    [
        ("whisper-encoder", {"chunk_length": 3}),
        ("whisper-encoder", {"feature_size": 16}),
        ("ast", {"num_mel_bins": 32}),
        ("ast", {"max_length": 256}),
    ],
)
def test_an_extractor_of_another_model(family: str, values: dict[str, object], tmp_path: Path) -> None:
    change(write(family, tmp_path), values)
    assert "save the model's own beside it" in refusal(tmp_path)


def without_an_extractor(folder: Path) -> None:
    write("wav2vec2", folder)
    (folder / "preprocessor_config.json").unlink()


def broken_extractor(folder: Path) -> None:
    write("wav2vec2", folder)
    (folder / "preprocessor_config.json").write_text("{")


def unknown_extractor(folder: Path) -> None:
    change(write("wav2vec2", folder), {"feature_extractor_type": "SomebodysExtractor"})


def code_of_its_own(folder: Path) -> None:
    write("wav2vec2", folder)
    (folder / "mine.py").write_text("raise SystemExit('it ran')")
    change(folder, {"auto_map": {"AutoFeatureExtractor": "mine.Mine"}, "feature_extractor_type": "Mine"})


def of_another_family(folder: Path) -> None:
    write("ast", folder)
    (folder / "preprocessor_config.json").unlink()
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)


def letters_without_a_vocabulary(folder: Path) -> None:
    write("wav2vec2-ctc", folder)
    for name in ("vocab.json", "tokenizer_config.json"):
        (folder / name).unlink()


def words_without_a_vocabulary(folder: Path) -> None:
    write("whisper", folder)
    for path in (*folder.glob("tokenizer*"), *folder.glob("*vocab*"), *folder.glob("merges*")):
        path.unlink()


def a_codec(folder: Path) -> None:
    transformers.EncodecModel(transformers.EncodecConfig(num_filters=2, hidden_size=8, codebook_dim=8)).save_pretrained(
        folder
    )
    EncodecFeatureExtractor().save_pretrained(folder)


def a_start_that_there_is_not(folder: Path) -> None:
    change(write("whisper", folder), {"decoder_start_token_id": 10**6}, "generation_config.json")


def a_language_that_there_is_not(folder: Path) -> None:
    change(write("whisper", folder), {"lang_to_id": {"<|en|>": 10**7}}, "generation_config.json")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (without_an_extractor, "no preprocessor_config.json"),
        (broken_extractor, "damaged"),
        (unknown_extractor, "feature extractor"),
        (code_of_its_own, "feature extractor"),
        (of_another_family, "is not shown here"),
        (letters_without_a_vocabulary, "tokenizer"),
        (words_without_a_vocabulary, "tokenizer"),
        (a_codec, "is not shown here"),
        (a_start_that_there_is_not, "cannot be run on a sound"),
        (a_language_that_there_is_not, "cannot be run on a sound"),
    ],
)
def test_folders(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    make(tmp_path)
    assert said in refusal(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        {"num_beams": 50, "do_sample": True, "temperature": 9.0, "repetition_penalty": 5.0, "max_length": 10**9},
        {"return_timestamps": True, "max_new_tokens": 10**9, "min_length": 10**6},
    ],
)
def test_what_is_written_stays_the_most_probable(values: dict[str, Any], tmp_path: Path) -> None:
    """Whatever the checkpoint's generation_config.json asks for beside language, task and what is never written."""
    plain = load_model(str(write("whisper", tmp_path / "a")), device="cpu")
    change(write("whisper", tmp_path / "b"), values, "generation_config.json")
    steered = load_model(str(tmp_path / "b"), device="cpu")
    written = []
    for model in (plain, steered):
        assert isinstance(model, TransformersSpeech)
        written.append(model.listen(model.read(sound(1.25))).written)
    assert written[0] == written[1]
    assert 4 < len(written[0]) <= WHISPER["max_target_positions"]
