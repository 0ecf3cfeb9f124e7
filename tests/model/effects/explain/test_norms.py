"""Norms of value-weighted vectors, against the vectors themselves."""

from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.effects.explain.methods import explain, why_not
from headlens.model.effects.explain.norms import output_projection

PROJECTIONS = {
    "BERT": "bert.encoder.layer.{}.attention.output.dense",
    "Llama": "model.layers.{}.self_attn.o_proj",
    "GPT-2": "transformer.h.{}.attn.c_proj",
    "T5": "decoder.block.{}.layer.1.EncDecAttention.o",
}
NAMES = {"T5": "cross_attentions"}


@pytest.mark.parametrize("family", PROJECTIONS)
@pytest.mark.parametrize("layer", [0, 1])
def test_norms(family: str, layer: int, case_of: Any) -> None:
    case, stage = case_of(family), "cross" if family == "T5" else None
    stage = stage or case.experiment.stages[0]
    module = case.eager.get_submodule(PROJECTIONS[family].format(layer))
    weight = module.weight.detach().T if family == "GPT-2" else module.weight.detach()  # [width, head * d_value]
    inputs = case.experiment.unchanged.run.stages[stage][layer].first()
    value = inputs.repeated(inputs.value)
    attention = torch.from_numpy(case.attention(NAMES.get(family, "attentions"))[layer])
    vectors = torch.einsum("hkd,whd->hkw", value, weight.unflatten(1, (len(value), -1)))  # f_h(x_j)
    parts = torch.einsum("hqk,hkw->qkw", attention, vectors)
    given = []
    hook = module.register_forward_hook(lambda *run: given.append(run[2]))
    with torch.no_grad():
        case.eager(**case.inputs)
    hook.remove()
    bias = 0 if getattr(module, "bias", None) is None else module.bias.detach()
    torch.testing.assert_close(parts.sum(dim=1) + bias, given[0][0], atol=1e-5, rtol=1e-4)

    found = explain(case.experiment, case.target, "norms", layer=layer)
    np.testing.assert_allclose(found.scores, parts.norm(dim=-1)[case.at], atol=1e-5, rtol=1e-4)
    assert (found.signed, found.about_output) == (False, False)
    call = case.experiment.call_index(stage, layer)
    torch.testing.assert_close(output_projection(case.experiment, call), weight)


def test_a_norm_between(case_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the next linear map reads is not what the heads gave."""
    case = case_of("BERT")
    contexts = tuple(2 * context for context in case.experiment.contexts)
    unchanged = case.experiment.unchanged
    changed = type(unchanged)(unchanged.run, unchanged.layers, contexts, None)
    monkeypatch.setitem(case.experiment.__dict__, "unchanged", changed)
    assert why_not(case.experiment, case.target, "norms") is not None
