"""What models predict and write, against their own logits."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from headlens.model.errors import InputError
from tests.model.huggingface.text.test_families import TEXT, loaded
from tests.model.huggingface.text_models import FAMILIES

FolderOf = Callable[[str], Path]


def probabilities(family: str, folder: Path, ids: list[int]) -> torch.Tensor:
    network = getattr(transformers, FAMILIES[family][0]).from_pretrained(folder).eval()
    with torch.no_grad():
        return network(torch.tensor([ids])).logits[0].softmax(-1)


@pytest.mark.parametrize("family", ["GPT-2", "Llama", "Gemma 2"])
def test_next_tokens_and_a_continuation(family: str, folder_of: FolderOf) -> None:
    model = loaded(folder_of(family))
    continuations: list[str] = []
    recording = model.write(TEXT, 5, on_token=continuations.append)
    prompt = list(model.read(TEXT).ids)
    ids = list(prompt)
    for _ in range(5):
        ids.append(int(probabilities(family, folder_of(family), ids)[-1].argmax()))
    assert recording.texts == (TEXT, model.tokenizer.decode(ids[len(prompt) :]))
    assert recording.segments == (0,) * len(prompt) + (1,) * 5
    assert continuations[-1] == recording.texts[1]
    assert len(continuations) == 5
    expected = probabilities(family, folder_of(family), ids).sort(descending=True)
    assert [prediction.position for prediction in recording.predictions] == list(range(len(ids)))
    for position in (0, len(ids) - 1):
        found = recording.predictions[position].candidates
        np.testing.assert_allclose([p for _, p in found], expected.values[position, :10], atol=1e-6)
        best = model.tokenizer.decode([int(expected.indices[position, 0])], skip_special_tokens=False)
        if "\ufffd" in best:  # a part of a character
            assert re.fullmatch(r"(<0x[0-9A-F]{2}>)+", found[0][0])
        else:
            assert found[0][0] == best
    assert recording.attention(1).shape == (4, len(ids), len(ids))


def test_a_continuation_stops_where_the_positions_end(folder_of: FolderOf) -> None:
    model = loaded(folder_of("GPT-2"))
    text = " ".join(["Birds"] * 15)
    assert model.write(text, 200).num_tokens == model.max_tokens == 64
    with pytest.raises(InputError, match="fills all"):
        model.write(" ".join(["Birds"] * 400), 5)
    with pytest.raises(InputError, match="does not write"):
        loaded(folder_of("BERT")).write(TEXT)


def test_masks_and_classes(folder_of: FolderOf) -> None:
    model = loaded(folder_of("BERT"))
    text = "The [MASK] does not fit in the [MASK]."
    recording = model.record(text)
    positions = [position for position, token in enumerate(recording.tokens) if token == "[MASK]"]
    assert [prediction.position for prediction in recording.predictions] == positions
    best = probabilities("BERT", folder_of("BERT"), list(model.read(text).ids))[positions[1]].topk(10).values
    np.testing.assert_allclose([p for _, p in recording.predictions[1].candidates], best, atol=1e-6)

    model = loaded(folder_of("XLM-R"))
    (classes,) = model.record(TEXT).predictions
    assert classes.position is None
    chances = probabilities("XLM-R", folder_of("XLM-R"), list(model.read(TEXT).ids))
    expected = {f"LABEL_{number}": float(chance) for number, chance in enumerate(chances)}
    assert dict(classes.candidates) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("family", ["T5", "BART"])
def test_a_sequence_is_written_and_recorded(family: str, folder_of: FolderOf) -> None:
    model = loaded(folder_of(family))
    recording = model.write(TEXT, 6)
    decoder, cross = recording.of("decoder"), recording.of("cross")
    assert 2 <= decoder.num_tokens <= 7
    assert (cross.num_tokens, cross.num_keys) == (decoder.num_tokens, recording.num_tokens)
    assert [prediction.position for prediction in decoder.predictions] == list(range(decoder.num_tokens))
    np.testing.assert_allclose(cross.attention(1).sum(-1), 1, atol=1e-5)
    if family == "T5":  # greedy: each token is the most probable after the ones before it
        best = [prediction.candidates[0][0].strip() for prediction in decoder.predictions]
        assert best[: decoder.num_tokens - 1] == list(decoder.tokens[1:])


def test_minilm_through_the_adapter_is_minilm(minilm, tmp_path: Path) -> None:
    from headlens.model.pretrained.files import locate
    from headlens.model.pretrained.registry import CATALOGUE

    for name, path in locate(CATALOGUE["minilm-l6"]).items():
        (tmp_path / name).symlink_to(path)
    adapted = loaded(tmp_path).record(TEXT)
    own = minilm.record(TEXT)
    assert adapted.tokens == own.tokens
    np.testing.assert_array_equal(adapted.special, own.special)
    for layer in range(own.num_layers):
        np.testing.assert_allclose(adapted.attention(layer), own.attention(layer), rtol=0, atol=1e-5)
        np.testing.assert_allclose(adapted.value(layer), own.value(layer), rtol=0, atol=1e-5)


def test_what_is_written_is_the_most_probable_whatever_the_folder_says(folder_of: FolderOf, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folder_of("GPT-2"), tmp_path / "steered"))
    said = {"repetition_penalty": 9.0, "do_sample": True, "max_time": 0, "stop_strings": ["a"], "penalty_alpha": 0.6}
    (folder / "generation_config.json").write_text(json.dumps(said))
    assert loaded(folder).write(TEXT, 6).tokens == loaded(folder_of("GPT-2")).write(TEXT, 6).tokens


@pytest.mark.parametrize("count", [0, -1, True, 2.5, "3"])
def test_counts_that_are_none(count: object, folder_of: FolderOf) -> None:
    with pytest.raises(InputError):
        loaded(folder_of("GPT-2")).write(TEXT, count)  # type: ignore[arg-type]
