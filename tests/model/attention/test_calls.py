"""Calls of torch by a network's own modules: which product is a head's output, and what is said where none is known."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from headlens.model.attention.calls import attention_modules, function_calls
from headlens.model.attention.edits import gate_heads
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.record.probe import probe
from tests.model.attention.networks import IDS, make
from tests.model.huggingface.text_models import FAMILIES, REFUSED, network_of
from tests.sentences import is_one_sentence

SCORES, VALUES = torch.randn(2, 3, 5, 7), torch.randn(2, 3, 7, 4)  # [batch, head, query, key], [batch, head, key, d]
ZEROS = gate_heads(torch.zeros(1, 3))


class OddAttention(nn.Module):
    """Mixes values as it is told."""

    def __init__(self, mix: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.mix = mix

    def forward(self) -> Tensor:
        """The context."""
        return self.mix(F.softmax(SCORES, dim=-1))


PRODUCTS: dict[str, Callable[[Tensor], Tensor]] = {
    "matmul": lambda weights: torch.matmul(weights, VALUES),
    "method": lambda weights: weights.matmul(VALUES),
    "@": lambda weights: weights @ VALUES,
    "bmm": lambda weights: torch.bmm(weights.view(6, 5, 7), VALUES.view(6, 7, 4)),
    "method bmm": lambda weights: weights.reshape(6, 5, 7).bmm(VALUES.flatten(0, 1)),
    "einsum": lambda weights: torch.einsum("bhqk,bhkd->bqhd", weights, VALUES),
    "einsum, batch last": lambda weights: torch.einsum("bhqk, bhkd -> qdhb", weights, VALUES),
    "dropout": lambda weights: F.dropout(weights, 0.1, training=False) @ VALUES,
    "cast": lambda weights: weights.double().to(torch.float32) @ VALUES,
    "masked": lambda weights: weights.masked_fill(SCORES > 9, 0.0).contiguous() @ VALUES,
    "times a mask": lambda weights: (weights * torch.ones(3, 1, 1)) @ VALUES,
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_product_of_weights_and_values_is_edited(name: str) -> None:
    network = OddAttention(PRODUCTS[name])
    plain = network()
    with function_calls(network, edit=ZEROS) as calls:
        assert not network().any()
    with function_calls(network, edit=gate_heads(torch.ones(1, 3))):
        assert torch.equal(network(), plain)
    gates = torch.tensor([[1.0, 0.0, 2.0]])
    with function_calls(network, edit=gate_heads(gates)):
        found = network()
    context = {"einsum": "bqhd->bhqd", "einsum, batch last": "qdhb->bhqd"}.get(name)
    found, plain = (torch.einsum(context, each) if context else each.view(2, 3, 5, 4) for each in (found, plain))
    assert torch.equal(found, plain * gates[0, :, None, None])
    assert len(calls) == 1
    assert calls[0].inputs.scores_only


UNKNOWN: dict[str, Callable[[Tensor], Tensor]] = {
    "no product": lambda weights: (weights[..., None] * VALUES[:, :, None]).sum(-2),
    "none at all": lambda weights: weights,
    "values first": lambda weights: VALUES.mT @ weights.mT,
    "two products": lambda weights: weights @ VALUES + weights @ VALUES,
    "two softmaxes": lambda weights: weights @ VALUES + F.softmax(SCORES, -1).sum(-1, keepdim=True),
    "softmax again": lambda weights: F.softmax(weights, -1) @ VALUES,
    "another shape": lambda weights: weights[:, :, :2] @ VALUES,
    "three axes": lambda weights: F.scaled_dot_product_attention(*(VALUES.flatten(0, 1),) * 3),
    "summed over heads": lambda weights: torch.einsum("bhqk,bhkd->bqd", weights, VALUES),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_edited_is_refused(name: str) -> None:
    network = OddAttention(UNKNOWN[name])
    plain = network()
    with function_calls(network):
        assert torch.equal(network(), plain)
    with function_calls(network, edit=ZEROS), pytest.raises(CheckpointError, match="OddAttention mixes") as refused:
        network()
    assert is_one_sentence(refused.value)
    assert not network._forward_hooks
    assert torch.equal(network(), plain)


@pytest.mark.filterwarnings("error")
def test_an_error_of_the_network_stays_that_error() -> None:
    def fail(weights: Tensor) -> Tensor:
        raise ZeroDivisionError

    with function_calls(OddAttention(fail), edit=ZEROS), pytest.raises(ZeroDivisionError):
        OddAttention(fail)()


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in REFUSED])
def test_every_family_can_be_edited(family: str) -> None:
    """Gates of one change nothing, and of zero all the rest."""
    network = make(family)
    output, calls = network.run()
    shapes = [call.inputs.query.shape[1] for call in calls]
    assert torch.equal(network.run(gate_heads({i: torch.ones(heads) for i, heads in enumerate(shapes)}))[0], output)
    gated = [network.run(gate_heads({i: torch.zeros(heads)}))[0] for i, heads in enumerate(shapes)]
    assert all(float((each - output).abs().max()) > 1e-4 for each in gated)


@pytest.mark.parametrize("family", ["GPT-J", "BLOOM", "MPNet", "Falcon"])
def test_weights_that_are_cast_behind_the_softmax(family: str) -> None:
    """In bfloat16 many compute the softmax in float32."""
    network = network_of(family, vocabulary=99).bfloat16()
    recorder = probe(network_of(family, vocabulary=99), {"input_ids": IDS}).recorder
    recorder.network = network
    network.set_attn_implementation("eager")
    runs = [recorder.run({"input_ids": IDS}, edit=edit) for edit in (None, gate_heads(torch.ones(2, 4)))]
    assert torch.equal(runs[0].outputs.logits, runs[1].outputs.logits)
    assert not torch.equal(
        recorder.run({"input_ids": IDS}, edit=gate_heads(torch.zeros(2, 4))).outputs.logits, runs[0].outputs.logits
    )


def test_attention_modules_are_those_of_that_name() -> None:
    network = nn.ModuleList([OddAttention(F.relu), nn.MultiheadAttention(4, 2), nn.Linear(2, 2)])
    assert attention_modules(network) == [network[0]]
