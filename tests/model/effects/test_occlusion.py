"""One token or patch at a time, and some by hand, against runs of transformers with hooks of the test's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.occlusion import head_movements, occlusion, removed_change, values_without
from headlens.model.effects.removal import removable
from headlens.model.errors import InputError
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.inputs.pictures import noise

TEXT = "Birds fly south in the [MASK], and geese fly with them."
REMOVED = (3, 8)


class Cancelled(Exception):
    """What a page raises."""


def num_hooks(model: Any) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.network.modules())


def bert(folder_of: Callable[[str], Path]) -> tuple[Experiment, Any]:
    model: Any = load_model(str(folder_of("BERT")), device="cpu")
    network = transformers.BertForMaskedLM.from_pretrained(folder_of("BERT"), attn_implementation="eager").eval()
    return Experiment(model, model.read(TEXT)), network


def test_each_token_by_itself(folder_of: Callable[[str], Path]) -> None:
    experiment, network = bert(folder_of)
    asked_for: Any = target(experiment)
    ids = torch.tensor([experiment.input.ids])
    away = removable(experiment, asked_for)
    assert away.sum() == ids.shape[1] - 3, "[CLS], [SEP] and the mask stay"
    rows = ids.repeat(1 + ids.shape[1], 1)
    rows[torch.arange(1, len(rows)), torch.arange(ids.shape[1])] = 4
    with torch.no_grad():
        values = network(input_ids=rows).logits[:, asked_for.position].softmax(dim=-1)[:, asked_for.candidate].numpy()
    scores = occlusion(experiment, asked_for, "mask")
    np.testing.assert_allclose(scores[away], (values[0] - values[1:])[away], atol=1e-6)
    assert np.abs(scores[away]).max() > 1e-4
    assert not scores[~away].any()
    assert scores.dtype == np.float32


def test_what_moves_an_embedding_most_has_the_highest_score(minilm: EncoderTextModel) -> None:
    experiment = Experiment(minilm, minilm.read("A cat sits on the mat."))
    moves = target(experiment, Choice("movement"))
    scores = occlusion(experiment, moves, "left out")
    assert scores.min() >= -1e-6
    assert experiment.input.tokens[scores.argmax()] in ("cat", "mat")


@pytest.mark.parametrize("how", ["mask", "left out"])
def test_some_by_hand(how: Any, folder_of: Callable[[str], Path]) -> None:
    experiment, network = bert(folder_of)
    asked_for: Any = target(experiment, against=None)
    contexts: list[torch.Tensor] = []
    for layer in network.bert.encoder.layer:
        layer.attention.output.dense.register_forward_pre_hook(lambda _, args: contexts.append(args[0][0]))
    ids = torch.tensor([experiment.input.ids])
    kept = np.delete(np.arange(ids.shape[1]), REMOVED)
    other = ids.clone()
    other[0, list(REMOVED)] = 4
    at = asked_for.position
    assert at is not None
    if how == "left out":
        other, at = ids[:, kept], at - 1
    with torch.no_grad():
        before, after = network(input_ids=ids).logits[0, asked_for.position], network(input_ids=other).logits[0, at]
    change = removed_change(experiment, asked_for, REMOVED, how)
    assert change.before == pytest.approx(float(before[asked_for.candidate]), rel=1e-4)
    assert change.after == pytest.approx(float(after[asked_for.candidate]), rel=1e-4)
    assert change.probability_after == pytest.approx(float(after.softmax(-1)[asked_for.candidate]), rel=1e-4)
    either = {*before.topk(10).indices.tolist(), *after.topk(10).indices.tolist()}
    assert [each.logit for each in change.candidates_after] == sorted(either, key=lambda each: -after[each])
    first, second = (torch.stack(rows).unflatten(-1, (4, 8)) for rows in (contexts[:2], contexts[2:]))
    first = first[:, kept] if how == "left out" else first  # [layer, token, head, d_value]
    expected = (second - first).norm(dim=(1, 3)) / first.norm(dim=(1, 3))
    found = head_movements(experiment, asked_for, REMOVED, how)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3)
    assert found.min() > 1e-3


@pytest.mark.parametrize("how", ["mean", "left out"])
def test_heads_of_a_decoder_move_where_the_target_is_read(how: Any, folder_of: Callable[[str], Path]) -> None:
    model: Any = load_model(str(folder_of("GPT-2")), device="cpu")
    experiment = Experiment(model, model.read("Birds fly south in winter, and geese fly with them."))
    asked_for = target(experiment, Choice("next", 9))
    network = transformers.GPT2LMHeadModel.from_pretrained(folder_of("GPT-2"), attn_implementation="eager").eval()
    contexts: list[torch.Tensor] = []
    for layer in network.transformer.h:
        layer.attn.c_proj.register_forward_pre_hook(lambda _, args: contexts.append(args[0][0]))
    ids = torch.tensor([experiment.input.ids])
    embeds = network.transformer.wte(ids).detach()
    embeds[0, 5] = network.transformer.wte.weight.mean(dim=0)
    with torch.no_grad():
        network(input_ids=ids)
        network(inputs_embeds=embeds) if how == "mean" else network(input_ids=ids[:, torch.arange(ids.shape[1]) != 5])
    first, second = (torch.stack(rows).unflatten(-1, (4, 8)) for rows in (contexts[:2], contexts[2:]))
    first, second = first[:, 9], second[:, 9 if how == "mean" else 8]  # [layer, head, d_value]
    found = head_movements(experiment, asked_for, [5], how)
    np.testing.assert_allclose(
        found, ((second - first).norm(dim=-1) / first.norm(dim=-1)).numpy(), rtol=1e-3, atol=1e-6
    )


def test_patches_that_are_not_there_move_no_head_by_themselves(dinov2: EncoderImageModel) -> None:
    experiment = Experiment(dinov2, dinov2.read(noise(64, 64), 224))
    moves = target(experiment, Choice("movement"))
    found = head_movements(experiment, moves, [5, 100], "left out")
    kept, fewer = np.delete(np.arange(257), [5, 100]), list[torch.Tensor]()

    def keep(index: int, call: object, context: torch.Tensor) -> torch.Tensor:
        fewer.append(context[0])
        return context

    with torch.no_grad():
        rows = dinov2.network.embed(experiment.input.pixels)[:, kept]
        with dinov2.calls(dinov2.network, edit=keep):
            dinov2.network.encoder(rows)
    for layer, after in enumerate(fewer):
        before = experiment.contexts[layer][:, kept]
        expected = (after - before).norm(dim=(1, 2)) / before.norm(dim=(1, 2))
        np.testing.assert_allclose(found[layer], expected.numpy(), atol=1e-4)
    with pytest.raises(InputError, match="from 0 to 256"):
        removed_change(experiment, moves, [257], "left out")


def test_nothing_removed_changes_nothing(minilm: EncoderTextModel) -> None:
    experiment = Experiment(minilm, minilm.read("A cat sits on the mat."))
    moves = target(experiment, Choice("movement"))
    assert removed_change(experiment, moves, [], "mean").after == pytest.approx(0, abs=1e-6)
    assert head_movements(experiment, moves, [], "mean").max() < 1e-5


@pytest.mark.parametrize("how", ["mask", "mean", "left out"])
def test_a_run_that_is_cancelled_or_fails_leaves_the_model_as_it_was(
    how: Any, folder_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model: Any = load_model(str(folder_of("BERT")), device="cpu")
    before, hooks = model.record(TEXT), num_hooks(model)  # transformers leaves some of its own
    experiment = Experiment(model, model.read(TEXT))
    asked_for: Any = target(experiment)
    monkeypatch.setattr(Experiment, "batch_size", 2)
    told: list[tuple[int, int]] = []

    def cancel(done: int, total: int) -> None:
        told.append((done, total))
        if done >= 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        occlusion(experiment, asked_for, how, on_step=cancel)
    assert told == [(0, 12), (2, 12), (4, 12)]
    monkeypatch.setattr("headlens.model.attention.point.CallLog.note", lambda *_: 1 / 0)
    nothing = np.zeros((1, len(experiment.input.ids)), dtype=bool)
    with pytest.raises(ZeroDivisionError):
        values_without(experiment, asked_for, nothing, how)
    monkeypatch.undo()
    after = model.record(TEXT)
    for layer in range(before.num_layers):
        np.testing.assert_array_equal(before.attention(layer), after.attention(layer))
    assert before.predictions == after.predictions
    assert num_hooks(model) == hooks
