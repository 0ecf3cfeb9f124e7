"""SmolLM2 out of its GGUF file: dequantised once, whole or not at all, and read as it was written."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from gguf import GGUFReader, dequantize
from safetensors import safe_open

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained import smollm2 as checkpoint
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from tests.sentences import is_one_sentence

SMOLLM2 = CATALOGUE["smollm2-135m"]


def test_paris(smollm2: TransformersText) -> None:
    recording = smollm2.write("The capital of France is", 1)
    assert recording.texts == ("The capital of France is", " Paris")
    assert (recording.num_layers, recording.num_heads, recording.num_tokens) == (30, 9, 6)
    assert recording.predictions[4].candidates[0][0] == " Paris"
    assert recording.layers[0].key.shape[0] == 3  # three heads share a key
    np.testing.assert_allclose(recording.attention(29).sum(-1), 1, atol=1e-5)


def test_the_weights_are_the_file_s(smollm2: TransformersText) -> None:
    """Beside gguf's own dequantisation, of a matrix whose rows are in the order of the file."""
    (path,) = locate(SMOLLM2).values()
    tensors = {tensor.name: tensor for tensor in GGUFReader(path).tensors}
    folder = next(checkpoint.cache_folder().glob(f"{SMOLLM2.name}-*"))
    with safe_open(folder / "model.safetensors", framework="np") as file:
        for theirs, ours in (("blk.7.ffn_up.weight", "mlp.up_proj"), ("blk.7.attn_v.weight", "self_attn.v_proj")):
            expected = dequantize(tensors[theirs].data, tensors[theirs].tensor_type)
            np.testing.assert_array_equal(file.get_tensor(f"model.layers.7.{ours}.weight"), expected)


def test_the_cache_is_used_and_may_lie_elsewhere(smollm2: TransformersText, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(file: Path, folder: Path) -> None:
        raise AssertionError("it is there already")

    monkeypatch.setattr(checkpoint, "_dequantise", never)
    model = checkpoint.load_smollm2(SMOLLM2, torch.device("cpu"), torch.float32)
    assert model.num_layers == 30
    monkeypatch.setenv("HEADLENS_CACHE", "/somewhere")
    assert checkpoint.cache_folder() == Path("/somewhere")
    monkeypatch.delenv("HEADLENS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert checkpoint.cache_folder() == Path("/caches/headlens")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert checkpoint.cache_folder() == Path.home() / ".cache" / "headlens"


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("HEADLENS_CACHE", str(tmp_path / "file"))
    with pytest.raises(CheckpointError, match="name another folder in HEADLENS_CACHE") as refused:
        checkpoint.load_smollm2(SMOLLM2, torch.device("cpu"), torch.float32)
    assert is_one_sentence(refused.value)


def test_what_is_left_half_way_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("HEADLENS_CACHE", str(tmp_path))
    monkeypatch.setattr(checkpoint.AutoModelForCausalLM, "from_pretrained", fail)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.load_smollm2(SMOLLM2, torch.device("cpu"), torch.float32)
    assert os.listdir(tmp_path) == []
