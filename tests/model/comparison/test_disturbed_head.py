"""A fact that must come out: a model, and the same with the query projection of one head disturbed."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from headlens.model import load_model
from headlens.model.comparison.comparison import compare
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.recording.recording import Recording

TEXT = "Birds fly south in winter, and geese fly with them."
HEAD, WIDTH = 2, 8  # of 4 heads of 8 numbers


def recorded(folder: Path) -> Recording:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    return model.record(TEXT)


@pytest.mark.parametrize("disturbed", [0, 1])
def test_it_is_found(folder_of: Callable[[str], Path], tmp_path: Path, disturbed: int) -> None:
    folder = copytree(folder_of("BERT"), tmp_path / "disturbed")
    weights = load_file(folder / "model.safetensors")
    (name,) = (each for each in weights if each.endswith(f"layer.{disturbed}.attention.self.query.weight"))
    generator = torch.Generator().manual_seed(0)
    weights[name][HEAD * WIDTH : (HEAD + 1) * WIDTH] += 0.5 * torch.randn(WIDTH, 32, generator=generator)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    a, b = recorded(folder_of("BERT")), recorded(folder)
    divergence = compare(a, b).divergence
    for layer in range(disturbed):
        for what in ("query", "key", "value"):
            assert torch.equal(getattr(a.layers[layer], what), getattr(b.layers[layer], what))
    assert (divergence[:disturbed] == 0).all()
    others = np.arange(4) != HEAD
    assert (divergence[disturbed][others] == 0).all()
    assert divergence[disturbed, HEAD] > 0.01
    if disturbed == 1:  # the last layer
        assert divmod(int(divergence.argmax()), 4) == (1, HEAD)
    else:
        assert (divergence[1] > 0).all()
