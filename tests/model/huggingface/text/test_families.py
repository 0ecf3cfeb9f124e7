"""What is recorded of any text model, against the model's own eager weights, of a copy that nobody has touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.folder import load_folder
from headlens.model.huggingface.text.model import TransformersText
from tests.model.huggingface.text_models import FAMILIES, REFUSED, SEQUENCES
from tests.sentences import is_one_sentence

TEXT = "The trophy does not fit in the brown suitcase."
EXACT = [family for family in FAMILIES if family not in REFUSED]
FolderOf = Callable[[str], Path]


def loaded(folder: Path, dtype: str = "float32", part: str | None = None) -> TransformersText:
    model = load_model(str(folder), device="cpu", dtype=dtype, part=part)
    assert isinstance(model, TransformersText)
    return model


def eager(family: str, folder: Path, dtype: torch.dtype) -> Any:
    """Set to eager from the start."""
    architecture = getattr(transformers, FAMILIES[family][0])
    return architecture.from_pretrained(folder, attn_implementation="eager", dtype=dtype).eval()


@pytest.mark.parametrize(
    ("family", "dtype", "tolerance"),
    [
        (family, dtype, tolerance)
        for family in EXACT
        for dtype, tolerance in (("float32", 5e-5), ("float64", 1e-8))
        if (family, dtype) != ("gpt-oss", "float64")  # its experts do not run in float64
    ],
)
def test_every_weight(family: str, dtype: str, tolerance: float, folder_of: FolderOf) -> None:
    folder = folder_of(family)
    model = loaded(folder, dtype)
    assert 0 <= model.probe_result.difference <= 1e-4
    recording = model.record((TEXT, "Birds fly south.") if family in SEQUENCES else TEXT)
    inputs = model.inputs(model.read(TEXT))
    if family in SEQUENCES:
        start = model.network.config.decoder_start_token_id
        inputs["decoder_input_ids"] = torch.tensor([[start, *model.read("Birds fly south.").ids]])
    with torch.no_grad():
        theirs = eager(family, folder, getattr(torch, dtype))(**inputs, output_attentions=True)
    if family in SEQUENCES:
        expected = {"encoder": theirs.encoder_attentions, "decoder": theirs.decoder_attentions}
        expected["cross"] = theirs.cross_attentions
    else:
        expected = {recording.stage: theirs.attentions}
    assert {recording.stage, *recording.stages} == expected.keys()
    for stage, weights in expected.items():
        assert recording.of(stage).num_layers == len(weights) == 2
        for layer, own in enumerate(weights):
            found = recording.attention(layer, stage=stage)
            # Some models take the softmax in float32 whatever they run in: their own weights come no nearer then.
            rounded = dtype == "float64" and torch.equal(own, own.float().double())
            np.testing.assert_allclose(found, own[0].numpy(), rtol=0, atol=1e-6 if rounded else tolerance)


@pytest.mark.parametrize("family", ["BERT", "GPT-2", "Gemma 2", "Llama", "T5"])
def test_in_bfloat16_too(family: str, folder_of: FolderOf) -> None:
    """As on a GPU: it is compared with its own weights in float32, and cast after; what it records are its numbers."""
    model = load_folder(folder_of(family), family, torch.device("cpu"), dtype=torch.bfloat16)
    assert isinstance(model, TransformersText)
    assert model.network.dtype == torch.bfloat16
    assert 0 <= model.probe_result.difference <= 1e-4
    texts = (TEXT, "Birds fly south.") if family in SEQUENCES else TEXT
    recording, upcast = model.record(texts), loaded(folder_of(family)).record(texts)
    assert recording.layers[0].query.dtype == torch.bfloat16
    # The first layer's input is the same but for rounding; small random models are far more peaked than trained ones.
    assert abs(recording.attention(0) - upcast.attention(0)).mean() < 0.02
    np.testing.assert_allclose(recording.attention(1).sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", EXACT)
def test_padded_batches(family: str, side: str, folder_of: FolderOf) -> None:
    folder = folder_of(family)
    model = loaded(folder)
    long, short = list(model.read(TEXT).ids), list(model.read("Birds fly.").ids)
    gap = len(long) - len(short)
    short, real = ([0] * gap + short, [0] * gap + [1] * (len(long) - gap))
    if side == "right":
        short, real = short[gap:] + short[:gap], real[::-1]
    inputs = {"input_ids": torch.tensor([long, short]), "attention_mask": torch.tensor([[1] * len(long), real])}
    if family in SEQUENCES:
        inputs["decoder_input_ids"] = torch.tensor([long[:4], short[-4:]])
    run = model.probe_result.recorder.run({**inputs, **({"use_cache": False} if model.causal else {})})
    with torch.no_grad():
        theirs = eager(family, folder, torch.float32)(**inputs, output_attentions=True)
    own = {name: theirs.get(f"{name}_attentions") for name in run.stages}
    if family not in SEQUENCES:
        own = {next(iter(run.stages)): theirs.attentions}
    else:
        own["cross"] = theirs.cross_attentions
    for stage, layers in run.stages.items():
        for heads, weights in zip(layers, own[stage], strict=True):
            found = heads.weights(slice(None))
            off = (found - weights).abs().amax(dim=(1, 3))  # [batch, query]
            if stage == "encoder" or family not in SEQUENCES:
                off = off[torch.tensor([[1] * len(long), real]).bool()]
            assert off.max() <= 5e-5, stage


@pytest.mark.parametrize("family", REFUSED)
def test_what_has_no_such_weights_is_refused(family: str, folder_of: FolderOf) -> None:
    with pytest.raises(CheckpointError, match="not over all tokens") as refused:
        loaded(folder_of(family))
    assert is_one_sentence(refused.value)


def test_wrong_weights_are_refused(folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that forgets the soft cap must not pass."""
    from headlens.model.attention import inputs as attention

    monkeypatch.setattr(attention.AttentionInputs, "_mask", lambda heads, rows, columns: None)
    with pytest.raises(CheckpointError, match="differ from its own by up to"):
        loaded(folder_of("Llama"))


def test_parts_of_one_character_have_names_of_their_own(folder_of: FolderOf) -> None:
    recording = loaded(folder_of("GPT-2")).record("a 👩 b")
    inside = recording.tokens[1:-1]
    assert len(inside) == len(set(inside)) >= 4
    assert "👩" not in inside
    assert (recording.tokens[0], recording.tokens[-1]) == ("a", "b")
