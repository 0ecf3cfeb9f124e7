"""On a GPU: our weights are those of transformers' eager networks there, and q, k and v stay there."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

if not torch.cuda.is_available():
    pytest.skip("this machine has no CUDA GPU", allow_module_level=True)

from headlens.model.recording.recording import Recording
from tests.gpu import parity
from tests.references import differences

# bfloat16 keeps 8 bits of every score; transformers' own softmax in it is that far from the exact one.
FORMATS = [(torch.float32, 1e-4), (torch.bfloat16, 2e-2)]


@pytest.mark.parametrize(("dtype", "tolerance"), FORMATS)
@pytest.mark.parametrize("compare", [parity.text, parity.image])
def test_random_weights(
    compare: Callable[[str, torch.dtype], parity.Comparison], dtype: torch.dtype, tolerance: float
) -> None:
    comparison = compare("cuda", dtype)
    assert comparison.peak > 0.3
    assert comparison.largest < tolerance, comparison.differences
    for inputs in comparison.layers:
        for vectors in (inputs.query, inputs.key, inputs.value):
            assert vectors.device.type == "cuda"
            assert vectors.dtype == dtype


WEIGHTS = Path(os.environ.get("HEADLENS_GPU_WEIGHTS", "no such folder"))


def recorded_and_reference(
    name: str, dtype: torch.dtype, sample_photo: Callable[[str], Path]
) -> tuple[Recording, tuple[torch.Tensor, ...]]:
    if not (WEIGHTS / f"{name}.safetensors").is_file():
        pytest.skip(f"HEADLENS_GPU_WEIGHTS names no folder with {name}.safetensors (tests/gpu/copy_weights.py)")
    if name == "minilm-l6":
        return parity.real_text(WEIGHTS, "cuda", dtype)
    return parity.real_image(WEIGHTS, sample_photo("coffee"), "cuda", dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["minilm-l6", "dinov2-focus"])
def test_real_weights(name: str, dtype: torch.dtype, sample_photo: Callable[[str], Path]) -> None:
    recording, attentions = recorded_and_reference(name, dtype, sample_photo)
    assert recording.device.startswith("cuda")
    for inputs in recording.layers:
        assert {inputs.query.device.type, inputs.key.device.type, inputs.value.device.type} == {"cuda"}
        assert inputs.query.dtype == dtype
    away = differences(recording, attentions)
    if dtype == torch.float32:
        assert away.max() < 1e-4
    else:  # where scores go up to 220, bfloat16 leaves whole units of them open, in transformers' weights too
        assert np.quantile(away, 0.999) < 2e-2
        assert away.mean() < 2e-3


@pytest.mark.parametrize("name", ["minilm-l6", "dinov2-focus"])
def test_weights_are_exactly_those_of_the_recorded_vectors(name: str, sample_photo: Callable[[str], Path]) -> None:
    """In bfloat16 too: the vectors are rounded, what is computed from them is not."""
    recording, _ = recorded_and_reference(name, torch.bfloat16, sample_photo)
    for layer, inputs in enumerate(recording.layers):
        expected = (inputs.query.double().cpu() @ inputs.key.double().cpu().mT * inputs.scale).softmax(dim=-1)
        np.testing.assert_allclose(recording.attention(layer), expected.numpy(), atol=1e-4, rtol=0)
        np.testing.assert_allclose(recording.attention(layer, 1, 2), expected[1, 2].numpy(), atol=1e-4, rtol=0)
