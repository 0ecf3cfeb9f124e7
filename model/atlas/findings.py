"""What inputs of one length say of every head.

At once AT_ONCE weights are in memory, or a row of each head of a layer where that is more.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from headlens.model.analysis.roles.naming import needed
from headlens.model.analysis.roles.positions import Positions, stacked
from headlens.model.analysis.roles.recorded import Scorers
from headlens.model.analysis.roles.score import Scorer, Sums
from headlens.model.analysis.sample import LONG, looking_queries
from headlens.model.atlas.best import SHARE, WEIGHT
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.recording.recording import Recording

AT_ONCE = 1_000_000  # weights: 4 MB, which stay in a core's cache
ON_GPU = 32_000_000  # instead, there; what else is computed of them takes ten times as much


@dataclass(frozen=True, eq=False)
class Findings:
    """Of every head on some inputs, [input, layer, head]."""

    scores: "Scores"
    excited: dict[str, np.ndarray]  # by each criterion; nan where there is no pair of tokens that are not special
    queries: np.ndarray  # the strongest such pair; -1 where there is none
    keys: np.ndarray
    rows: np.ndarray  # [input, layer, head, key] float32, all weights of that query; no keys where there are too many


@dataclass(frozen=True, eq=False)
class Scores:
    """Of each role."""

    values: dict[str, np.ndarray]  # [input, layer, head]; nan where it cannot be told
    enough: dict[str, np.ndarray]  # bool, whether enough positions tell it to call the head after it


def findings(recordings: Sequence[Recording], positions: Sequence[Positions]) -> Findings:
    """Of recordings of one model, with their positions, of one layout; of long ones by a sample of their queries."""
    added = _Added(recordings)
    first = recordings[0]
    at_once = AT_ONCE if first.layers[0].query.device.type == "cpu" else ON_GPU
    row = first.num_heads * first.num_keys
    num_rows = min(len(added.queries), max(1, at_once // row))
    num_layers = min(first.num_layers, max(1, at_once // (num_rows * row)))
    num_inputs = max(1, at_once // (num_layers * num_rows * row))
    for inputs in _stretches(len(recordings), num_inputs):
        of_inputs = stacked(positions[inputs.start : inputs.stop])
        for rows in _stretches(len(added.queries), num_rows):
            for layers in _stretches(first.num_layers, num_layers):
                batched = [_stacked([recordings[number].layers[layer] for number in inputs]) for layer in layers]
                part = _Part(inputs, layers, added.queries[rows])
                added.add(part, of_inputs, batched)
    return added.findings()


@dataclass(frozen=True, eq=False)
class _Part:
    """Which inputs, layers and queries some weights are of."""

    inputs: range
    layers: range
    queries: np.ndarray  # [query], their positions

    @property
    def place(self) -> tuple[slice, slice]:
        """In arrays [input, layer, head]."""
        return slice(self.inputs.start, self.inputs.stop), slice(self.layers.start, self.layers.stop)


def _stretches(count: int, size: int) -> list[range]:
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _stacked(layers: Sequence[AttentionInputs]) -> AttentionInputs:
    """Inputs of one length as a batch."""
    query, key = (torch.stack([getattr(layer, name) for layer in layers]) for name in ("query", "key"))
    masks = [layer.mask for layer in layers]
    if masks.count(None) == len(masks):
        return replace(layers[0], query=query, key=key, value=key)
    return replace(layers[0], query=query, key=key, value=key, mask=torch.stack([_mask(layer) for layer in layers]))


def _mask(layer: AttentionInputs) -> torch.Tensor:
    """Of all queries and keys, where another input of the batch has one."""
    mask = layer.full_mask()
    shape = layer.num_heads, layer.query.shape[-2], layer.key.shape[-2]
    return layer.query.new_ones(shape, dtype=torch.bool) if mask is None else mask.expand(shape)


class _Added:
    """What parts of the weights say, added up."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        first = recordings[0]
        self.queries = looking_queries(first)
        self._shape = len(recordings), first.num_layers, first.num_heads
        self._scorers = Scorers()
        self._own = torch.from_numpy(np.stack([~recording.special for recording in recordings]))  # [input, key]
        self._sums: dict[str, Sums] = {}  # of each role [input, layer, head]
        self._strongest = np.zeros(self._shape)
        self._share = np.zeros(self._shape)
        self._places = np.full((2, *self._shape), -1)  # query and key of the strongest pair
        self._rows = np.zeros((*self._shape, first.num_keys if first.num_keys <= LONG else 0), np.float32)

    def add(self, part: _Part, positions: Positions, layers: Sequence[AttentionInputs]) -> None:
        """A part, with the positions of its inputs, and its layers with the axis of inputs."""
        rows = torch.from_numpy(part.queries)
        weights = torch.stack([layer.weights(rows) for layer in layers], dim=1)  # [input, layer, head, query, key]
        scorers = [self._scorers.of(positions, layer, part.queries) for layer in layers]
        for scorer, group in groupby(range(len(layers)), key=scorers.__getitem__):
            alike = list(group)
            self._add_roles(part, slice(alike[0], alike[-1] + 1), scorer, weights)
        self._add_excited(part, weights)

    def _add_roles(self, part: _Part, layers: slice, scorer: Scorer, weights: Tensor) -> None:
        """Of the layers of the part that see the same."""
        sums = scorer.sums(weights[:, layers].flatten(1, 2))  # layers as if they were heads of one
        place = part.place[0], slice(part.layers.start + layers.start, part.layers.start + layers.stop)
        for role, total, count in zip(scorer.roles, sums.total, sums.count):
            of_role = self._sums.setdefault(role.key, Sums(np.zeros(self._shape), np.zeros(self._shape)))
            for before, now in ((of_role.total, total), (of_role.count, count)):
                before[place] += now.reshape(before[place].shape)

    def _add_excited(self, part: _Part, weights: Tensor) -> None:
        """The strongest pairs, and what lies on all of them."""
        rows, own = torch.from_numpy(part.queries), self._own[part.place[0]]
        pairs = own[:, rows, None] & own[:, None] & (rows[:, None] != torch.arange(own.shape[1]))
        between = (weights * pairs[:, None, None].to(weights)).flatten(-2)  # [input, layer, head, pair]
        highest, strongest = between.max(dim=-1)
        row = strongest // own.shape[1]
        value = highest.cpu().numpy()
        higher = value > self._strongest[part.place]
        if self._rows.size:
            of_row = weights.take_along_dim(row[..., None, None], dim=-2).squeeze(-2)  # [input, layer, head, key]
            self._rows[part.place][higher] = of_row.cpu().numpy()[higher]
        pair = part.queries[row.cpu().numpy()], (strongest % own.shape[1]).cpu().numpy()
        for places, found in zip(self._places, pair):
            places[part.place][higher] = found[higher]
        self._strongest[part.place] = np.maximum(self._strongest[part.place], value)
        self._share[part.place] += between.sum(dim=-1).cpu().numpy()

    def findings(self) -> Findings:
        """Of all parts."""
        queries, keys = self._places
        some = queries >= 0
        asked = self._own[:, self.queries].sum(dim=-1).numpy()[:, None, None]
        excited = {WEIGHT.name: self._strongest, SHARE.name: self._share / np.maximum(asked, 1)}
        return Findings(
            Scores(
                {name: sums.mean for name, sums in self._sums.items()},
                {name: sums.count >= needed(len(self.queries)) for name, sums in self._sums.items()},
            ),
            {name: np.where(some, values, np.nan) for name, values in excited.items()},
            queries,
            keys,
            self._rows,
        )
