"""One layer taken apart: what its parts read and add, and one token's way through it."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.trace.hooks import Event, LayerRun, is_linear, is_norm, not_known


class Parts(NamedTuple):
    """What the parts of a layer read and add, for all its tokens."""

    norms: str  # "before" each part, "after" each addition, "both" before and behind a part, "behind" it, "parallel"
    reads: Tensor  # [token, width], what queries, keys and values are made of
    output: Event  # attention's output projection
    attention_adds: Tensor  # [token, width]
    between: Tensor | None  # [token, width], behind attention; None where both parts read the same row ("parallel")
    mlp_adds: Tensor  # [token, width], what the feed-forward network adds
    mlp: tuple[Event, ...]  # the linear maps behind attention; experts are none


def parts_of(layer: LayerRun) -> Parts:
    """Found by what each norm was given: a part's output, the sum behind attention, or what went in.

    Norms after each addition: Vaswani et al. 2017, section 3.1; before each part: Xiong et al. 2020; on both sides of
    it: Gemma 2, 2024, section 2; parallel parts: Wang and Komatsuzaki 2021 (GPT-J).

    Raises CheckpointError for a layer that is built otherwise.
    """
    hidden, out = layer.hidden, layer.out
    made_of = [event for event in layer.before if is_linear(event.module)]
    linear = [event for event in layer.after if is_linear(event.module)]
    if not made_of or not linear or linear[0].made.shape != hidden.shape:
        raise not_known(layer.module)
    output, *mlp = linear
    norms = [event for event in layer.after[layer.after.index(output) + 1 :] if event.given.shape == hidden.shape]
    norms = [event for event in norms if is_norm(event.module)]
    last = len(layer.after) if not mlp else layer.after.index(mlp[0])
    early = [event for event in norms if layer.after.index(event) < last]  # before the feed-forward network

    behind = next((event for event in norms if torch.equal(event.given, output.made)), None)
    added = output.made if behind is None else behind.made
    summed = [event for event in early if event is not behind and _is_sum(event.given, hidden, added)]
    reads = made_of[0].given

    def parts(norms: str, attention_adds: Tensor, between: Tensor | None, mlp_adds: Tensor) -> Parts:
        return Parts(norms, reads, output, attention_adds, between, mlp_adds, tuple(mlp))

    if summed and torch.equal(norms[-1].made, out):
        between = summed[0].made
        return parts("after", summed[0].given - hidden, between, norms[-1].given - between)
    if summed:
        between = summed[0].given
        return parts("before" if behind is None else "both", between - hidden, between, out - between)
    if behind is not None:
        between = hidden + added
        return parts("behind", added, between, out - between)
    same = [reads, *(event.made for event in early if torch.equal(event.given, hidden))]
    if mlp and any(torch.equal(mlp[0].given, row) for row in same):
        return parts("parallel", added, None, out - hidden - added)
    raise not_known(layer.module)


def _is_sum(summed: Tensor, hidden: Tensor, added: Tensor) -> bool:
    """Whether it is hidden + added [token, width], or that with a factor for each channel (CaiT's layer scale)."""
    if added.any() and torch.equal(summed, hidden):
        return False
    eps = torch.finfo(hidden.dtype).eps
    summed, hidden, added = (rows.double() for rows in (summed, hidden, added))
    over = 0 if len(hidden) > 1 else (0, 1)  # one token alone would fit any factors
    found = summed - hidden
    factor = (found * added).sum(over) / (added * added).sum(over).clamp(min=1e-30)
    largest = float(torch.maximum(summed.abs(), hidden.abs()).max())
    return (
        float((found - factor * added).abs().max())
        <= max(1e-3, 4 * eps) * float(found.abs().max()) + 32 * eps * largest
    )


def has_experts(layer: nn.Module) -> bool:
    """Whether its feed-forward network is several, of which each token goes through some (Shazeer et al. 2017)."""
    return any("expert" in type(module).__name__.lower() or "expert" in name for name, module in layer.named_modules())


@torch.inference_mode()
def leaves_mean(layer: nn.Module) -> bool:
    """Whether the norms of a layer only scale (RMSNorm: Zhang and Sennrich 2019, equation 4)."""
    norm = next(module for module in layer.modules() if is_norm(module))
    weight = next(norm.parameters(), torch.ones(1))
    width = weight.shape[-1] if weight.numel() > 1 else int(getattr(norm, "normalized_shape", (64,))[-1])
    rows = torch.randn(4, width, generator=torch.Generator().manual_seed(0)).to(weight)
    return not torch.allclose(norm(rows), norm(rows + 1), atol=1e-3, rtol=1e-2)


class TokenTrace(NamedTuple):
    """One token's way through one layer, [width] where nothing else is said; float32."""

    norms: str  # as of Parts
    hidden: np.ndarray  # what goes in
    reads: np.ndarray  # what its query, key and value are made of: hidden, normed in most layers
    projected: np.ndarray | None  # [head, d_head], its query as the linear map makes it; None: one map makes all three
    scores: np.ndarray  # [head, key]
    weights: np.ndarray  # [head, key]
    context: np.ndarray | None  # [head, d_value]; None where only scores were recorded
    given: np.ndarray  # [head * d_value], what the run gave to the output projection
    writes: np.ndarray | None  # [head, width], what each head's part of that makes of its context; None where a gate
    #                            or a norm lies between
    bias: np.ndarray  # of the output projection
    attended: np.ndarray  # what the projection made in the run
    attention_adds: np.ndarray  # attended, as it is added: scaled or normed in some layers
    between: np.ndarray | None  # hidden + attention_adds, normed where norms come after; None: "parallel"
    mlp_adds: np.ndarray  # what the feed-forward network adds
    out: np.ndarray  # what the layer gives
    mlp: tuple[tuple[int, int], ...]  # (in, out) of its linear maps; none of experts
    biased: frozenset[str]  # which linear maps have a bias: "projections", "output", "mlp"
    scales: bool  # its norms leave the mean as it is


@torch.inference_mode()
def trace_token(layer: LayerRun, heads: AttentionInputs, query: int) -> TokenTrace:
    """Everything on the way of one token.

    Args:
        layer: run.
        heads: of the layer, as recorded.
        query: the token.

    Raises CheckpointError as `parts_of` does.
    """
    parts, row = parts_of(layer), slice(query, query + 1)
    weights = heads.weights(row)[:, 0]
    context = None
    if not heads.scores_only:
        value = heads.repeated(heads.value)
        context = (weights[:, None].to(value.dtype) @ value)[:, 0]
    module: Any = parts.output.module  # nn.Linear, or Conv1D of transformers
    arrays: dict[str, Tensor | None] = {
        "hidden": layer.hidden[query],
        "reads": parts.reads[query],
        "projected": _projected(layer, heads, query),
        "scores": heads.scores(row, slice(None))[:, 0],
        "weights": weights,
        "context": context,
        "writes": _writes(module, context, parts.output.given[query]),
        "given": parts.output.given[query],
        "bias": torch.zeros_like(layer.hidden[query]) if module.bias is None else module.bias.detach(),
        "attended": parts.output.made[query],
        "attention_adds": parts.attention_adds[query],
        "between": None if parts.between is None else parts.between[query],
        "mlp_adds": parts.mlp_adds[query],
        "out": layer.out[query],
    }
    taken: dict[str, Any] = {
        name: None if part is None else part.float().cpu().numpy() for name, part in arrays.items()
    }
    maps = {"projections": layer.before, "output": [parts.output], "mlp": parts.mlp}
    linear = {name: [event.module for event in events if is_linear(event.module)] for name, events in maps.items()}
    return TokenTrace(
        norms=parts.norms,
        mlp=() if has_experts(layer.module) else tuple(_sides(event) for event in parts.mlp),
        biased=frozenset(name for name, modules in linear.items() if any(each.bias is not None for each in modules)),
        scales=leaves_mean(layer.module),
        **taken,
    )


def _sides(event: Event) -> tuple[int, int]:
    return event.given.shape[-1], event.made.shape[-1]


def _projected(layer: LayerRun, heads: AttentionInputs, query: int) -> Tensor | None:
    """The query by the linear map that has its name, computed anew from what that was given."""
    names = {id(module): name.rpartition(".")[2] for name, module in layer.module.named_modules()}
    width = heads.num_heads * heads.query.shape[-1]
    for event in layer.before:
        if is_linear(event.module) and names[id(event.module)].startswith("q") and _sides(event)[1] == width:
            return event.module(event.given[query]).view(heads.num_heads, -1)
    return None


def _writes(projection: Any, context: Tensor | None, given: Tensor) -> Tensor | None:
    """The output projection [width, head * d_value], a head at a time (Elhage et al. 2021)."""
    if context is None or context.numel() != given.numel():
        return None
    off = max(1e-3, 4 * torch.finfo(given.dtype).eps)
    if not torch.allclose(context.flatten(), given, rtol=0, atol=off * float(given.abs().max())):
        return None  # a gate or a norm lies between
    weight = projection.weight if isinstance(projection, nn.Linear) else projection.weight.T
    return torch.einsum("whd,hd->hw", weight.unflatten(1, context.shape), context)
