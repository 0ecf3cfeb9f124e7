"""What inputs of one length say of every head, with AT_ONCE weights in memory, or a row of each head of a layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch

from headlens.model.analysis.roles.recorded import RecordedRoles, high_norm_of
from headlens.model.analysis.roles.score import Scorer, Sums
from headlens.model.analysis.sample import looking_queries
from headlens.model.atlas.best import SHARE, WEIGHT
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.recording.recording import Recording

AT_ONCE = 1_000_000  # weights: 4 MB, which stay in a core's cache


@dataclass(frozen=True, eq=False)
class Findings:
    """Of every head on some inputs, [input, layer, head]."""

    values: dict[str, np.ndarray]  # the score of each role; nan where it cannot be told
    excited: dict[str, np.ndarray]  # by each criterion; nan where there is no pair of tokens that are not special
    queries: np.ndarray  # the strongest such pair; -1 where there is none
    keys: np.ndarray


def findings(recordings: Sequence[Recording]) -> Findings:
    """Of recordings of one model and the same number of tokens; of long ones by a sample of their queries."""
    added = _Added(recordings)
    for part, weights in _parts(recordings, added.queries):
        added.add_roles(part, weights)
        added.add_excited(part, weights)
    return added.findings()


@dataclass(frozen=True, eq=False)
class _Part:
    """Which inputs, layers and queries some weights are of."""

    inputs: range
    layers: range
    queries: np.ndarray  # [query], their positions


def _parts(recordings: Sequence[Recording], queries: np.ndarray) -> Iterator[tuple[_Part, np.ndarray]]:
    """Weights [input, layer, head, query, key], as many at once as may be."""
    first = recordings[0]
    row = first.num_heads * first.num_keys
    num_rows = min(len(queries), max(1, AT_ONCE // row))
    num_layers = min(first.num_layers, max(1, AT_ONCE // (num_rows * row)))
    num_inputs = max(1, AT_ONCE // (num_layers * num_rows * row))
    for inputs in _stretches(len(recordings), num_inputs):
        for rows in _stretches(len(queries), num_rows):
            for layers in _stretches(first.num_layers, num_layers):
                part = _Part(inputs, layers, queries[rows])
                stacked = [
                    _stacked([recordings[number].layers[layer] for number in inputs]).weights(
                        torch.from_numpy(part.queries)
                    )
                    for layer in layers
                ]
                yield part, torch.stack(stacked, dim=1).cpu().numpy()


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
        self._roles = _roles_of(recordings)
        self._own = np.stack([~recording.special for recording in recordings])  # [input, key]
        self._sums: dict[str, Sums] = {}  # of each role [input, layer, head]
        self._strongest = np.zeros(self._shape)
        self._share = np.zeros(self._shape)
        self._places = np.full((2, *self._shape), -1)  # query and key of the strongest pair

    def add_roles(self, part: _Part, weights: np.ndarray) -> None:
        """Of weights [input, layer, head, query, key]."""
        for number, of_input in zip(part.inputs, weights):
            for scorer, layers in self._alike(number, part):
                chosen = of_input[layers.start - part.layers.start : layers.stop - part.layers.start]
                sums = scorer.sums(chosen.reshape(-1, *weights.shape[-2:]))  # layers as if they were heads of one
                for role, total, count in zip(scorer.roles, sums.total, sums.count):
                    role_sums = self._sums.setdefault(role.key, Sums(np.zeros(self._shape), np.zeros(self._shape)))
                    for before, now in ((role_sums.total, total), (role_sums.count, count)):
                        before[number, layers.start : layers.stop] += now.reshape(len(layers), -1)

    def _alike(self, number: int, part: _Part) -> list[tuple[Scorer, range]]:
        """Layers one after the other that see the same."""
        scorer = self._roles[number].scorer
        groups = [(same, list(group)) for same, group in groupby(part.layers, key=lambda at: scorer(at, part.queries))]
        return [(same, range(group[0], group[-1] + 1)) for same, group in groups]

    def add_excited(self, part: _Part, weights: np.ndarray) -> None:
        """Of weights [input, layer, head, query, key]: the strongest pairs, and what lies on all of them."""
        place = slice(part.inputs.start, part.inputs.stop), slice(part.layers.start, part.layers.stop)
        own = self._own[place[0]]
        pairs = own[:, part.queries, None] & own[:, None] & (part.queries[:, None] != np.arange(own.shape[1]))
        between = (weights * pairs[:, None, None]).reshape(*weights.shape[:3], -1)  # [input, layer, head, pair]
        strongest = between.argmax(axis=-1)
        row, key = np.divmod(strongest, own.shape[1])
        value = np.take_along_axis(between, strongest[..., None], axis=-1)[..., 0]
        higher = value > self._strongest[place]
        for places, found in zip(self._places, (part.queries[row], key)):
            places[place][higher] = found[higher]
        self._strongest[place] = np.maximum(self._strongest[place], value)
        self._share[place] += between.sum(axis=-1)

    def findings(self) -> Findings:
        """Of all parts."""
        some = self._places[0] >= 0
        asked = self._own[:, self.queries].sum(axis=-1)[:, None, None]
        excited = {WEIGHT.name: self._strongest, SHARE.name: self._share / np.maximum(asked, 1)}
        return Findings(
            {name: sums.mean for name, sums in self._sums.items()},
            {name: np.where(some, values, np.nan) for name, values in excited.items()},
            *self._places,
        )


def _roles_of(recordings: Sequence[Recording]) -> list[RecordedRoles]:
    """Of each; photos of one shape, with a high norm at the same patches or at none, share what is known of these."""
    shared: dict[object, RecordedRoles] = {}
    found = []
    for number, recording in enumerate(recordings):
        photo = recording.photo
        high = high_norm_of(recording)
        known = None if high is None else high.tobytes()
        shape = number if photo is None else (photo.grid, photo.pixels.shape, known)
        if shape not in shared:
            shared[shape] = RecordedRoles(recording)
        found.append(shared[shape])
    return found
