"""One token's way through one layer."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.trace.hooks import Event, LayerRun, is_linear, is_norm
from headlens.model.trace.parts import Architecture, parts_of


def has_experts(layer: nn.Module) -> bool:
    """Whether its feed-forward network is a mixture of experts (Shazeer et al. 2017)."""
    return any("expert" in type(module).__name__.lower() or "expert" in name for name, module in layer.named_modules())


@torch.inference_mode()
def keeps_mean(layer: nn.Module) -> bool:
    """Whether the norms of a layer scale without centring (RMSNorm: Zhang and Sennrich 2019, equation 4)."""
    norm = next(module for module in layer.modules() if is_norm(module))
    weight = next(norm.parameters(), torch.ones(1))
    width = weight.shape[-1] if weight.numel() > 1 else int(getattr(norm, "normalized_shape", (64,))[-1])
    rows = torch.randn(4, width, generator=torch.Generator().manual_seed(0)).to(weight)
    return not torch.allclose(norm(rows), norm(rows + 1), atol=1e-3, rtol=1e-2)


class TokenTrace(NamedTuple):
    """One token's way through one layer, [width] where nothing else is said; float32."""

    architecture: Architecture
    hidden: np.ndarray  # what goes in
    reads: np.ndarray  # what its query, key and value are made of: hidden, normed in most layers
    projected: np.ndarray | None  # [head, d_head], its query as the linear map makes it; None: one map makes all three
    scores: np.ndarray  # [head, key]
    weights: np.ndarray  # [head, key]
    context: np.ndarray | None  # [head, d_value]; None where only scores were recorded
    projection_input: np.ndarray  # [head * d_value], what the output projection read in the run
    head_outputs: (
        np.ndarray | None
    )  # [head, width], what each head's part of that makes of its context; None where a gate
    #                            or a norm lies between
    bias: np.ndarray  # of the output projection
    projection_output: np.ndarray  # what the output projection gave in the run
    attention_adds: np.ndarray  # that, as it is added: scaled or normed in some layers
    between: np.ndarray | None  # hidden + attention_adds, normed in POST_NORM; None: PARALLEL
    mlp_adds: np.ndarray  # what the feed-forward network adds
    out: np.ndarray  # what the layer gives
    mlp: tuple[tuple[int, int], ...]  # (in, out) of its linear maps; none of experts
    biased: frozenset[str]  # which linear maps have a bias: "projections", "output", "mlp"
    keeps_mean: bool  # its norms only scale


@torch.inference_mode()
def trace_token(layer: LayerRun, inputs: AttentionInputs, query: int) -> TokenTrace:
    """Everything on the way of one token.

    Args:
        layer: run.
        inputs: of the layer's attention, as recorded.
        query: the token's index.

    Raises CheckpointError as `parts_of` does.
    """
    parts, row = parts_of(layer), slice(query, query + 1)
    weights = inputs.weights(row)[:, 0]
    context = None
    if not inputs.scores_only:
        value = inputs.repeated(inputs.value)
        context = (weights[:, None].to(value.dtype) @ value)[:, 0]
    module: Any = parts.projection.module  # nn.Linear, or Conv1D of transformers
    arrays: dict[str, Tensor | None] = {
        "hidden": layer.hidden[query],
        "reads": parts.reads[query],
        "projected": _projected(layer, inputs, query),
        "scores": inputs.scores(row, slice(None))[:, 0],
        "weights": weights,
        "context": context,
        "head_outputs": _head_outputs(module, context, parts.projection.input[query]),
        "projection_input": parts.projection.input[query],
        "bias": torch.zeros_like(layer.hidden[query]) if module.bias is None else module.bias.detach(),
        "projection_output": parts.projection.output[query],
        "attention_adds": parts.attention_adds[query],
        "between": None if parts.between is None else parts.between[query],
        "mlp_adds": parts.mlp_adds[query],
        "out": layer.out[query],
    }
    fields: dict[str, Any] = {
        name: None if part is None else part.float().cpu().numpy() for name, part in arrays.items()
    }
    maps = {"projections": layer.before, "output": [parts.projection], "mlp": parts.mlp}
    linear = {name: [event.module for event in events if is_linear(event.module)] for name, events in maps.items()}
    return TokenTrace(
        architecture=parts.architecture,
        mlp=() if has_experts(layer.module) else tuple(_sides(event) for event in parts.mlp),
        biased=frozenset(name for name, modules in linear.items() if any(each.bias is not None for each in modules)),
        keeps_mean=keeps_mean(layer.module),
        **fields,
    )


def _sides(event: Event) -> tuple[int, int]:
    return event.input.shape[-1], event.output.shape[-1]


def _projected(layer: LayerRun, inputs: AttentionInputs, query: int) -> Tensor | None:
    """The query by the linear map that has its name, computed anew from what that read."""
    names = {id(module): name.rpartition(".")[2] for name, module in layer.module.named_modules()}
    width = inputs.num_heads * inputs.query.shape[-1]
    for event in layer.before:
        if is_linear(event.module) and names[id(event.module)].startswith("q") and _sides(event)[1] == width:
            projected: Tensor = event.module(event.input[query])
            return projected.view(inputs.num_heads, -1)
    return None


def _head_outputs(projection: Any, context: Tensor | None, projection_input: Tensor) -> Tensor | None:
    """The output projection [width, head * d_value], a head at a time (Elhage et al. 2021)."""
    if context is None or context.numel() != projection_input.numel():
        return None
    tolerance = max(1e-3, 4 * torch.finfo(projection_input.dtype).eps) * float(projection_input.abs().max())
    if not torch.allclose(context.flatten(), projection_input, rtol=0, atol=tolerance):
        return None  # a gate or a norm lies between
    weight = projection.weight if isinstance(projection, nn.Linear) else projection.weight.T
    return torch.einsum("whd,hd->hw", weight.unflatten(1, context.shape), context)
