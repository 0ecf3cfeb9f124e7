"""Attention at its one point: heads gated and replaced, gradients, whichever of the three ways leads there."""

import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from headlens.model.attention.calls import function_calls
from headlens.model.attention.clone import weight_sharing_clone
from headlens.model.attention.edits import gate_heads, in_order, replace_head
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.attention.point import Call, Edit, attention_calls, inside_call, run_attention
from tests.model.attention.networks import FUNCTIONS, HEADS, INTERFACE, OWN, Network, make

EVERY = (*OWN, *INTERFACE, *FUNCTIONS)
made = cache(make)


def ones(network: Network) -> Tensor:
    return torch.ones(len(network.run()[1]), HEADS, dtype=torch.float64)


def contexts_of(network: Network) -> list[Tensor]:
    """Each call's context [batch, head, query, d_value]."""
    contexts: list[Tensor] = []

    def keep(index: int, call: Call, context: Tensor) -> Tensor:
        assert index == len(contexts)
        contexts.append(context.clone())
        return context

    network.run(keep)
    return contexts


@pytest.mark.parametrize("family", EVERY)
def test_each_comes_its_own_way(family: str) -> None:
    ways = {"interface": INTERFACE, "functions": FUNCTIONS}
    recorder = made(family).recorder
    assert family in (OWN if recorder is None else ways[recorder.way])


@pytest.mark.parametrize("family", EVERY)
def test_gates_of_one_change_nothing(family: str) -> None:
    network = made(family)
    output, calls = network.run()
    gated, noted = network.run(gate_heads(ones(network)))
    assert torch.equal(gated, output)
    assert len(noted) == len(calls) >= 2
    for one, other in zip(noted, calls):
        assert torch.equal(one.inputs.query, other.inputs.query)
        assert torch.equal(one.inputs.weights(slice(None)), other.inputs.weights(slice(None)))


@pytest.mark.parametrize("family", EVERY)
def test_contexts_are_the_weights_times_the_values(family: str) -> None:
    network = made(family)
    contexts, calls = contexts_of(network), network.run()[1]
    for context, call in zip(contexts, calls):
        inputs = call.inputs
        assert context.shape[:-1] == inputs.query.shape[:-1] == (2, HEADS, inputs.query.shape[2])
        if not inputs.scores_only:
            expected = inputs.weights(slice(None)) @ inputs.repeated(inputs.value)
            torch.testing.assert_close(context, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("family", EVERY)
def test_a_gate_of_zero_is_a_projection_without_that_head(family: str, layer: int) -> None:
    network, head = made(family), 2
    gates = ones(network)
    gates[layer, head] = 0
    output, (gated, _) = network.run()[0], network.run(gate_heads(gates))
    with network.zeroed(layer, head):
        expected, _ = network.run()
    torch.testing.assert_close(gated, expected, atol=1e-12, rtol=1e-12)
    assert float((gated - output).abs().max()) > 1e-4


@pytest.mark.parametrize("family", EVERY)
def test_a_head_replaced_by_itself_changes_nothing(family: str) -> None:
    network = made(family)
    output, contexts = network.run()[0], contexts_of(network)
    for layer in (0, 1):
        assert torch.equal(network.run(replace_head(layer, 1, contexts[layer][:, 1]))[0], output)


@pytest.mark.parametrize("family", [family for family in EVERY if family != "XLNet"])  # its projection is no module
def test_a_head_replaced_by_something_else_is_what_its_projection_reads(family: str) -> None:
    network, layer, head = made(family), 1, 3
    context = contexts_of(network)[layer][:, head]
    other = torch.randn(context.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def put(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
        rows = args[0].clone()
        rows.unflatten(-1, (HEADS, -1))[..., head, :] = other
        return (rows,)

    clone = weight_sharing_clone(network.module)
    network.projections(clone)[layer].register_forward_pre_hook(put)
    expected, _ = network.run(module=clone)
    replaced, _ = network.run(replace_head(layer, head, other))
    torch.testing.assert_close(replaced, expected, atol=1e-12, rtol=1e-12)
    assert float((replaced - network.run()[0]).abs().max()) > 1e-4


@pytest.mark.parametrize("family", EVERY)
def test_gradients_by_gates_are_finite_differences(family: str) -> None:
    network = made(family)
    like = ones(network)
    towards = torch.randn(network.run()[0].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    gates = (
        0.5 + torch.rand(like.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ).requires_grad_()

    def scalar(gates: Tensor) -> Tensor:
        return (network.run(gate_heads(gates))[0] * towards).mean()

    (gradient,) = torch.autograd.grad(scalar(gates), gates)
    assert float(gradient.abs().min()) > 0
    found, step = gradient.flatten().tolist(), 1e-5
    for index in range(0, gates.numel(), 5):
        change = torch.zeros(gates.numel(), dtype=torch.float64)
        change[index] = step
        with torch.no_grad():
            above, below = (scalar(gates + sign * change.view(gates.shape)) for sign in (1, -1))
        assert found[index] == pytest.approx(float(above - below) / (2 * step), rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("family", ["own text", "BERT", "Gemma 2", "gpt-oss", "BLOOM", "DeBERTa-v2"])
def test_gradients_reach_what_lies_before_attention(family: str) -> None:
    """As they do when nothing is noted."""
    network = make(family)
    network.module.requires_grad_(True)
    output, calls = network.run()
    table = next(network.module.parameters())
    (found,) = torch.autograd.grad(output.square().mean(), table)
    assert all(call.inputs.query.requires_grad or call.inputs.scores_only for call in calls)
    (expected,) = torch.autograd.grad(network.plain().square().mean(), table)
    assert float(found.abs().max()) > 0
    assert torch.equal(found, expected)


def left_behind(network: Network) -> tuple[int, bool, int]:
    """Hooks on the network, whether a call is at work, and how many modes there are."""
    hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.module.modules())
    return hooks, inside_call(), torch._C._len_torch_function_stack()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("family", ["own text", "BERT", "gpt-oss", "BLOOM", "GPT-J"])
@pytest.mark.parametrize("raises", ["edit", "on_layer"])
def test_nothing_is_left_behind(family: str, raises: str) -> None:
    network = made(family)
    output, before = network.run()[0], left_behind(network)

    def fail(index: int, *_: object) -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        network.run(fail, module=network.module) if raises == "edit" else network.run(None, fail, network.module)
    assert left_behind(network) == before
    assert before[1:] == (False, 0)
    with attention_calls() as outer:
        pass
    assert torch.equal(network.run()[0], output)
    assert outer == []


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("family", ["own image", "Llama", "MPNet"])
def test_threads_edit_for_themselves(family: str) -> None:
    network = made(family)
    edits: list[Edit | None] = [None, gate_heads({0: torch.zeros(HEADS)}), replace_head(1, 2, torch.ones(1))]
    expected = [network.run(edit)[0] for edit in edits]
    same: list[bool] = []

    def again(edit: Edit | None, output: Tensor) -> None:
        for _ in range(8):
            same.append(torch.equal(network.run(edit)[0], output))

    threads = [threading.Thread(target=again, args=each) for each in zip(edits, expected)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 24
    assert not torch.equal(expected[0], expected[1])
    assert not torch.equal(expected[0], expected[2])


def an_input(num_heads: int = 2) -> tuple[Call, Callable[[], Tensor]]:
    query = torch.randn(3, num_heads, 5, 4)
    call = Call(nn.Identity(), AttentionInputs(query, query, query, mask=None, causal=False, scale=0.5))
    return call, lambda: call.inputs.weights(slice(None)) @ query


def test_one_log_inside_another_takes_the_calls() -> None:
    call, kernel = an_input()
    with attention_calls(edit=gate_heads({0: torch.zeros(2)})) as outer:
        with attention_calls() as inner:
            assert torch.equal(run_attention(call, kernel), kernel())
        assert not run_attention(call, kernel).any()
    assert torch.equal(run_attention(call, kernel), kernel())
    assert len(inner) == len(outer) == 1


@pytest.mark.parametrize("family", ["own text", "BERT"])
def test_what_the_point_calls_of_torch_is_not_noted_again(family: str) -> None:
    network = made(family)
    with function_calls(network.module) as calls:
        network.plain()
    assert len(calls) == 2


def edited(edit: Any) -> Tensor:
    call, kernel = an_input()
    with attention_calls(edit=edit):
        return run_attention(call, kernel)


def test_an_edit_keeps_the_shape() -> None:
    with pytest.raises(ValueError, match=r"shape \[3, 2, 5\] from one of \[3, 2, 5, 4\]"):
        edited(lambda index, call, context: context.sum(-1))


@pytest.mark.parametrize(
    "gates", [torch.ones(1, 3), torch.ones(1, 1), {0: torch.ones(3)}, torch.ones(4), torch.ones(0, 2)]
)
def test_gates_that_do_not_fit_the_heads_are_refused(gates: Any) -> None:
    with pytest.raises(ValueError, match="gates"):
        edited(gate_heads(gates))


def test_gates_of_one_input_of_a_batch() -> None:
    gates = torch.ones(1, 3, 2)
    gates[0, 1, 0] = 0
    call, kernel = an_input()
    with attention_calls(edit=gate_heads(gates)):
        found = run_attention(call, kernel)
    assert not found[1, 0].any()
    found[1, 0] = kernel()[1, 0]
    assert torch.equal(found, kernel())


def test_edits_in_order() -> None:
    call, kernel = an_input()
    edits = (
        replace_head(0, 1, torch.ones(4)),
        gate_heads(torch.tensor([[1.0, 3.0]])),
        replace_head(1, 0, torch.zeros(4)),
    )
    with attention_calls(edit=in_order(*edits)):
        found = run_attention(call, kernel)
    assert torch.equal(found[:, 0], kernel()[:, 0])
    assert bool((found[:, 1] == 3).all())


def test_gradients_reach_what_replaces_a_head() -> None:
    call, kernel = an_input()
    output = torch.randn(5, 4, requires_grad=True)
    with attention_calls(edit=replace_head(0, 1, output)):
        run_attention(call, kernel).sum().backward()
    assert output.grad is not None
    assert torch.equal(output.grad, torch.full((5, 4), 3.0))
