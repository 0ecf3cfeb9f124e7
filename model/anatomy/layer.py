"""One layer taken apart: what its parts read and add, and one token's way through it."""

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.anatomy.trace import Event, LayerRun, is_linear, is_norm, not_known
from model.nn.attention import Heads, scaled_dot_product_attention


class Parts(NamedTuple):
    """What the parts of a layer read and add, for all its tokens."""

    norms: str  # "before" each part, "after" each addition, "both" before and behind a part, "behind" it, "parallel"
    reads: Tensor  # [token, width], what queries, keys and values are made of
    output: Event  # attention's output projection
    attention_adds: Tensor  # [token, width]
    between: Tensor | None  # [token, width], behind attention; None where both parts read the same row ("parallel")
    mlp_adds: Tensor  # [token, width], what the feed-forward network adds
    mlp: tuple[Event, ...]  # its linear maps; of a mixture of experts none or only the router


def parts_of(layer: LayerRun) -> Parts:
    """Found by what each norm was given: a part's output, the stream behind attention, or what went in.

    Norms after each addition: Vaswani et al. 2017, section 3.1; before each part: Xiong et al. 2020; on both sides of
    it: Gemma 2, 2024, section 2; parallel parts: Wang and Komatsuzaki 2021 (GPT-J).

    Raises CheckpointError for a layer that is built otherwise.
    """
    hidden, out = layer.hidden, layer.out
    linear = [event for event in layer.after if is_linear(event.module)]
    if not linear or not any(is_linear(event.module) for event in layer.before):
        raise not_known(layer.module)
    output, *mlp = linear
    reads = next(event for event in layer.before if is_linear(event.module)).given
    behind = layer.after[layer.after.index(output) + 1 :]
    norms = [event for event in behind if is_norm(event.module) and event.given.shape == hidden.shape]
    first = norms if not mlp else [event for event in norms if behind.index(event) < behind.index(mlp[0])]
    branch = next((event.made for event in norms if torch.equal(event.given, output.made)), None)
    beside = [event.made for event in first if torch.equal(event.given, hidden)]
    stream = [
        event for event in first if not torch.equal(event.given, output.made) and not torch.equal(event.given, hidden)
    ]

    def parts(norms: str, attention_adds: Tensor, between: Tensor | None, mlp_adds: Tensor) -> Parts:
        return Parts(norms, reads, output, attention_adds, between, mlp_adds, tuple(mlp))

    if stream and torch.equal(norms[-1].made, out):
        between = stream[0].made
        return parts("after", stream[0].given - hidden, between, norms[-1].given - between)
    if stream:
        between = stream[0].given
        return parts("before" if branch is None else "both", between - hidden, between, out - between)
    if branch is not None:
        between = hidden + branch
        return parts("behind", branch, between, out - between)
    if mlp and any(torch.equal(mlp[0].given, row) for row in (reads, *beside)):
        return parts("parallel", output.made, None, out - hidden - output.made)
    raise not_known(layer.module)


class Steps(NamedTuple):
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
    out: np.ndarray  # what goes into the next layer
    mlp: tuple[tuple[int, int], ...]  # (in, out) of its linear maps


def steps_of(layer: LayerRun, heads: Heads, query: int) -> Steps:
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
        "projected": _projected(layer, heads, parts.reads[query]),
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
    return Steps(norms=parts.norms, mlp=tuple(_sides(event) for event in parts.mlp), **taken)


def _sides(event: Event) -> tuple[int, int]:
    return event.given.shape[-1], event.made.shape[-1]


def _projected(layer: LayerRun, heads: Heads, reads: Tensor) -> Tensor | None:
    """The query by the linear map that has its name, computed anew."""
    names = {id(module): name.rpartition(".")[2] for name, module in layer.module.named_modules()}
    width = heads.num_heads * heads.query.shape[-1]
    for event in layer.before:
        if is_linear(event.module) and names[id(event.module)].startswith("q") and _sides(event)[1] == width:
            return event.module(reads).view(heads.num_heads, -1)
    return None


def _writes(projection: Any, context: Tensor | None, given: Tensor) -> Tensor | None:
    """The output projection [width, head * d_value], a head at a time (Elhage et al. 2021)."""
    if context is None or context.numel() != given.numel():
        return None
    if not torch.allclose(context.flatten(), given, rtol=1e-3, atol=1e-3 * float(given.abs().max())):
        return None  # a gate or a norm lies between
    weight = projection.weight if isinstance(projection, nn.Linear) else projection.weight.T
    return torch.einsum("whd,hd->hw", weight.unflatten(1, context.shape), context)


@torch.inference_mode()
def difference_from_fused(heads: Heads, num_queries: int = 512) -> float | None:
    """The largest difference between our attention and torch's fused kernel, over all heads of the first queries.

    None where there is no such kernel: scores that are capped, or sinks.
    """
    if heads.softcap is not None or heads.sinks is not None:
        return None
    rows = slice(0, num_queries)
    query, key, value = heads.query[:, rows], heads.repeated(heads.key), heads.repeated(heads.value)
    mask = heads.full_mask()
    mask = None if mask is None else mask.expand(*mask.shape[:-2], heads.query.shape[-2], key.shape[-2])[..., rows, :]
    ours = scaled_dot_product_attention(query, key, value, mask, heads.scale).context
    fused = F.scaled_dot_product_attention(query, key, value, mask, scale=heads.scale)
    return float((ours - fused).abs().max())
