"""The two parts of a layer, attention and the feed-forward network: where their norms are, what each reads and adds."""

from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor

from headlens.model.trace.hooks import Event, LayerRun, is_linear, is_norm, not_known


class Architecture(Enum):
    """Where the norms of a layer are."""

    PRE_NORM = "before each part"  # x + part(norm(x)): Xiong et al. 2020
    POST_NORM = "after each addition"  # norm(x + part(x)): Vaswani et al. 2017, section 3.1
    SANDWICH_NORM = "before and behind each part"  # x + norm(part(norm(x))): Gemma 2, 2024, section 2
    OUTPUT_NORM = "behind each part"  # x + norm(part(x)): OLMo 2, 2025, section 3.2
    PARALLEL = "before both parts"  # x + attention(norm(x)) + mlp(norm(x)): Wang and Komatsuzaki 2021, GPT-J


class Parts(NamedTuple):
    """What the parts of a layer read and add, for all its tokens."""

    architecture: Architecture
    reads: Tensor  # [token, width], what queries, keys and values are made of
    projection: Event  # attention's output projection
    attention_adds: Tensor  # [token, width]
    between: Tensor | None  # [token, width], behind attention; None where the parts are parallel: both read one row
    mlp_adds: Tensor  # [token, width], what the feed-forward network adds
    mlp: tuple[Event, ...]  # the linear maps behind attention; experts are none


def parts_of(layer: LayerRun) -> Parts:
    """Inferred from what each norm reads: a part's output, the sum behind attention, or what went in.

    Raises CheckpointError for a layer of no known architecture.
    """
    hidden, out = layer.hidden, layer.out
    projections = [event for event in layer.before if is_linear(event.module)]
    linear_behind = [event for event in layer.after if is_linear(event.module)]
    if not projections or not linear_behind or linear_behind[0].output.shape != hidden.shape:
        raise not_known(layer.module)
    projection, *mlp = linear_behind
    norms = _norms_behind(layer, projection)
    norm_of_output = next((norm for norm in norms if torch.equal(norm.input, projection.output)), None)
    added = projection.output if norm_of_output is None else norm_of_output.output
    last = len(layer.after) if not mlp else layer.after.index(mlp[0])
    norms_between = [norm for norm in norms if layer.after.index(norm) < last]  # before the feed-forward network
    sums = [norm for norm in norms_between if norm is not norm_of_output and _is_sum(norm.input, hidden, added)]
    norm_of_sum = sums[0] if sums else None
    parallel_reads = [projections[0].input]
    parallel_reads += [norm.output for norm in norms_between if torch.equal(norm.input, hidden)]

    between: Tensor | None
    if norm_of_sum is not None and torch.equal(norms[-1].output, out):
        architecture, between = Architecture.POST_NORM, norm_of_sum.output
        attention_adds, mlp_adds = norm_of_sum.input - hidden, norms[-1].input - between
    elif norm_of_sum is not None:
        architecture = Architecture.PRE_NORM if norm_of_output is None else Architecture.SANDWICH_NORM
        between = norm_of_sum.input
        attention_adds, mlp_adds = between - hidden, out - between
    elif norm_of_output is not None:
        architecture, between = Architecture.OUTPUT_NORM, hidden + added
        attention_adds, mlp_adds = added, out - between
    elif mlp and any(torch.equal(mlp[0].input, rows) for rows in parallel_reads):
        architecture, between = Architecture.PARALLEL, None
        attention_adds, mlp_adds = added, out - hidden - added
    else:
        raise not_known(layer.module)
    return Parts(
        architecture=architecture,
        reads=projections[0].input,
        projection=projection,
        attention_adds=attention_adds,
        between=between,
        mlp_adds=mlp_adds,
        mlp=tuple(mlp),
    )


def _norms_behind(layer: LayerRun, projection: Event) -> list[Event]:
    """The norms of whole rows that ran after attention's output projection."""
    behind = layer.after[layer.after.index(projection) + 1 :]
    return [event for event in behind if is_norm(event.module) and event.input.shape == layer.hidden.shape]


def _is_sum(summed: Tensor, hidden: Tensor, added: Tensor) -> bool:
    """Whether it is hidden + added [token, width], or that with a factor for each channel (CaiT's layer scale)."""
    if added.any() and torch.equal(summed, hidden):
        return False
    eps = torch.finfo(hidden.dtype).eps
    summed, hidden, added = (rows.double() for rows in (summed, hidden, added))
    axes = 0 if len(hidden) > 1 else (0, 1)  # one token alone would fit any factors
    change = summed - hidden
    factor = (change * added).sum(axes) / (added * added).sum(axes).clamp(min=1e-30)
    error = float((change - factor * added).abs().max())
    largest = float(torch.maximum(summed.abs(), hidden.abs()).max())
    return error <= max(1e-3, 4 * eps) * float(change.abs().max()) + 32 * eps * largest
