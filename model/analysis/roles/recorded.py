"""The scores of a recording's heads; never more than CHUNK weights, or a row of each head of a layer, are in memory."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from headlens.model.analysis.roles.naming import Named, strongest_role
from headlens.model.analysis.roles.positions import NOWHERE, Fact, Positions, high_norm
from headlens.model.analysis.roles.role import Role
from headlens.model.analysis.roles.roles import roles_for
from headlens.model.analysis.roles.score import Scorer, Sums
from headlens.model.analysis.sample import looking_queries
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.progress import OnStep, no_step
from headlens.model.recording.recording import CHUNK, Recording

ENDS = frozenset(".!?…。！？؟।\n")


class Scorers:
    """What scores the rows of some queries of a layer; kept for the next one, which mostly sees the same."""

    def __init__(self) -> None:
        self._last: tuple[tuple[object, ...], Scorer] | None = None

    def of(self, positions: Positions, layer: AttentionInputs, queries: np.ndarray) -> Scorer:
        """Of one input, or of several inputs and the layer of all of them."""
        seen = layer.seen(torch.from_numpy(queries)).cpu().numpy()
        name = positions.content, queries.tobytes(), seen.shape, seen.tobytes()
        if self._last is None or self._last[0] != name:
            self._last = name, Scorer(positions, queries, seen, layer.query.device)
        return self._last[1]


class RecordedRoles:
    """The roles of a recording's heads, a layer at a time.

    Scores are means over the positions that look, or for long inputs over a sample of them. Cross-attention is taken as
    `headlens.model.analysis.joint.joined` gives it.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.positions = positions_of(recording)
        self.queries = looking_queries(recording)
        self._scorers = Scorers()

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the heads may play."""
        return roles_for(self.positions.facts)

    def of_layer(self, layer: int) -> Sums:
        """The scores of a layer's heads [role, head], added up over the queries."""
        return self._of_layers(range(layer, layer + 1), no_step)[0]

    def of_all(self, on_step: OnStep = no_step) -> Sums:
        """The scores of all heads, [role, layer, head]; on_step is told how much is done, and of how much."""
        layers = self._of_layers(range(self.recording.num_layers), on_step)
        total, count = (np.stack(each, axis=1) for each in zip(*((sums.total, sums.count) for sums in layers)))
        return Sums(total, count)

    def called(self, sums: Sums) -> list[Named | None]:
        """What each head is called after, by layer and head: sums [role, …]."""
        means, counts = (each.reshape(len(each), -1).T for each in (sums.mean, sums.count))
        return [
            strongest_role(self.roles, mean, counts=count, looking=len(self.queries))
            for mean, count in zip(means, counts)
        ]

    def _of_layers(self, layers: range, on_step: OnStep) -> list[Sums]:
        rows = max(1, CHUNK // (self.recording.num_heads * self.recording.num_keys))
        stretches = [self.queries[first : first + rows] for first in range(0, len(self.queries), rows)]
        sums: list[Sums | None] = [None for _ in layers]
        for number, queries in enumerate(stretches):
            for index, layer in enumerate(layers):
                inputs = self.recording.layers[layer]
                weights = inputs.weights(torch.from_numpy(queries))
                found = self._scorers.of(self.positions, inputs, queries).sums(weights)
                before = sums[index]
                sums[index] = found if before is None else before + found
                on_step(number * len(layers) + index + 1, len(stretches) * len(layers))
        return [each for each in sums if each is not None]


def role_scores(recording: Recording, on_step: OnStep = no_step) -> dict[str, np.ndarray]:
    """The scores of all heads by the keys of their roles: [layer, head] each, nan where a role cannot be told."""
    roles = RecordedRoles(recording)
    return {role.key: scores for role, scores in zip(roles.roles, roles.of_all(on_step).mean)}


def positions_of(recording: Recording) -> Positions:
    """What a recording knows of its positions; of cross-attention as `headlens.model.analysis.joint.joined` gives it.

    Tokens are the same where their ids are; where these are not known, where their names are.
    """
    photo = recording.photo
    names = [name.removeprefix("##").strip(" ▁Ġ") for name in recording.tokens]
    punctuation = np.array([_is_punctuation(name) for name in names], bool) & ~recording.special
    size = (1.0, 1.0)
    if photo is not None:
        size = (photo.pixels.shape[0] / photo.grid[0], photo.pixels.shape[1] / photo.grid[1])
    return Positions(
        facts=facts_of(recording),
        special=recording.special,
        ids=np.array(recording.ids) if recording.ids else _numbered(recording.tokens),
        words=np.array([NOWHERE if word is None else word for word in recording.words]),
        punctuation=punctuation,
        ends=punctuation & np.array([bool(ENDS & set(name)) for name in names]),
        prefix=recording.prefix_tokens,
        grid=None if photo is None or photo.cell == "frame" else photo.grid,
        patch=size,
        high_norm=high_norm_of(recording),
    )


def high_norm_of(recording: Recording) -> np.ndarray | None:
    """[key] bool, `high_norm` of what a recording knows; None where it does not know norms."""
    norms = recording.outputs.get("norms")
    return None if norms is None else high_norm(norms, recording.prefix_tokens)


def facts_of(recording: Recording) -> frozenset[Fact]:
    """What is true of a recording's positions: that is known at once, whatever their number."""
    photo, facts = recording.photo, set[Fact]()
    within = recording.stage != "cross"
    if within:
        facts.add("within")
    if photo is None:
        facts.add("residues" if recording.unit == "residue" else "text")
    elif photo.cell == "patch" and within:
        facts.add("patches")
        if photo.picture == "photo":
            facts.add("photo")
        if "norms" in recording.outputs:
            facts.add("norms")
    if within and (photo is None or photo.cell == "frame"):
        facts |= {"sequence", "both ways" if _looks_on(recording) else "causal"}
    return frozenset(facts)


def _looks_on(recording: Recording) -> bool:
    """Whether the first position may look at any other."""
    return bool(recording.layers[0].seen(torch.tensor([0]))[0, 1:].any())


def _numbered(names: Sequence[str]) -> np.ndarray:
    """The same number for the same name."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


@lru_cache(100_000)
def _is_punctuation(name: str) -> bool:
    return name != "" and all(each in "\r\n" or unicodedata.category(each).startswith("P") for each in name)
