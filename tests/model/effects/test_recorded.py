"""Recordings with heads switched off, against models whose own weights take the heads away, and against `ablate`."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from headlens.model import load_model
from headlens.model.attention.point import Call, Edit
from headlens.model.effects.choices import target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import By, ablate, stand_ins
from headlens.model.effects.recorded import record_without
from headlens.model.errors import InputError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.recording import Recording
from tests.paths import COFFEE
from tests.sentences import is_one_sentence

TEXT = "Birds fly south in winter, and geese fly with them."
WIDTH = 8  # of a head


def text_model(folder: Path) -> TransformersText:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    return model


def check_layers(found: Recording, expected: Recording, tolerance: float = 1e-5) -> None:
    assert found.tokens == expected.tokens
    for own, other in zip(found.layers, expected.layers, strict=True):
        for what in ("query", "key", "value"):
            torch.testing.assert_close(getattr(own, what), getattr(other, what), atol=tolerance, rtol=0)


@pytest.mark.parametrize("by", ["zero", "mean"])
def test_against_a_model_without_the_head(folder_of: Callable[[str], Path], tmp_path: Path, by: By) -> None:
    """What a head writes is left out of the projection's weights; what its mean writes is added to the bias."""
    model = text_model(folder_of("BERT"))
    experiment = Experiment(model, model.read(TEXT))
    folder = copytree(folder_of("BERT"), tmp_path / "without")
    weights = load_file(folder / "model.safetensors")
    (name,) = (each for each in weights if each.endswith("layer.0.attention.output.dense.weight"))
    columns = slice(WIDTH, 2 * WIDTH)
    if by == "mean":
        mean = experiment.contexts[0][1].mean(dim=0)
        weights[name.replace("weight", "bias")] += weights[name][:, columns] @ mean
    weights[name][:, columns] = 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    expected = text_model(folder).record(TEXT)
    found = record_without(experiment, [(0, 1)], by=by)
    check_layers(found, expected)
    np.testing.assert_allclose(found.outputs["embedding"], expected.outputs["embedding"], atol=1e-5)
    whole = model.record(TEXT)
    assert torch.equal(found.layers[0].query, whole.layers[0].query)
    assert not torch.allclose(found.layers[1].query, whole.layers[1].query, atol=1e-3)


@pytest.mark.parametrize("by", ["zero", "mean"])
def test_it_predicts_what_ablate_says(folder_of: Callable[[str], Path], by: By) -> None:
    model = text_model(folder_of("GPT-2"))
    experiment = Experiment(model, model.read(TEXT))
    off = [(0, 1), (1, 0)]
    change = ablate(experiment, off, target(experiment), by=by)
    found = record_without(experiment, off, by=by)
    (last,) = (each for each in found.predictions if each.position == found.num_tokens - 1)
    after = {each.logit: each.score for each in change.candidates_after}
    before = {each.logit: each.score for each in change.candidates_before}
    best = last.candidates[0]
    (logit,) = (each.logit for each in change.candidates_after if each.name == best[0])
    assert best[1] == pytest.approx(after[logit], abs=1e-5)
    assert abs(before[logit] - after[logit]) > 1e-4
    run = experiment.run_from(0, 1, _edit(experiment, off, by))
    for recorded, rerun in zip(found.layers, run.stages[found.stage], strict=True):
        torch.testing.assert_close(recorded.query, rerun.query[0], atol=1e-5, rtol=0)


def _edit(experiment: Experiment, off: list[tuple[int, int]], by: By) -> Edit:
    outputs = stand_ins(experiment, None, by)

    def edit(index: int, call: Call, context: torch.Tensor) -> torch.Tensor:
        context = context.clone()
        for layer, head in off:
            if layer == index:
                context[:, head] = outputs[layer][head]
        return context

    return edit


def test_a_photo(dinov2: EncoderImageModel) -> None:
    experiment = Experiment(dinov2, dinov2.read(COFFEE, 224))
    whole, found = dinov2.record(COFFEE, 224), record_without(experiment, [(3, 1), (3, 1), (5, 0)])
    for layer in range(4):
        assert torch.equal(found.layers[layer].query, whole.layers[layer].query)
    assert not torch.allclose(found.layers[4].query, whole.layers[4].query, atol=1e-2)
    assert found.notes["off"] == "Heads that are off: layer 3 head 1, layer 5 head 0; its mean stands in."
    assert dinov2.record(COFFEE, 224).notes.keys().isdisjoint({"off"})  # nothing stays in the model


def test_no_such_head(folder_of: Callable[[str], Path]) -> None:
    model = text_model(folder_of("BERT"))
    with pytest.raises(InputError, match="There is no head 4 in layer 1") as raised:
        record_without(Experiment(model, model.read(TEXT)), [(1, 4)])
    assert is_one_sentence(raised.value)
