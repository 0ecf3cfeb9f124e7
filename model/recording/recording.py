"""Recording: what one forward pass leaves behind, and any weight, computed when it is looked at."""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.attention.formula import upcast
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import InputError, RecordingError
from headlens.model.recording import file
from headlens.model.recording.display import Displayed
from headlens.model.recording.parts import WEIGHTS, StageData

if TYPE_CHECKING:
    from headlens.model.comparison.merged import Merged

CHUNK = 2_000_000  # scores that are in memory at once, where rows are taken in chunks; they stay in a core's cache
Index = int | np.integer[Any]  # a layer, head or token, from 0


@dataclass(frozen=True, eq=False)
class Recording(StageData, Displayed):
    """Each layer's queries, keys and values on the device that made them, and what each position is.

    Axes are always [layer, head, query, key]; layers, heads and tokens count from 0. Weights are not kept: they are
    softmax(q k^T * scale + mask) of the requested layer, head and query (Vaswani et al. 2017, equation 1), in float32
    (float64 where the model ran in it). `explore` and `figure` draw them in a notebook.

    Raises RecordingError when the parts do not fit each other.
    """

    keys: "Recording | None" = None  # whose positions the keys are, where they are others than the queries'
    stages: Mapping[str, "Recording"] = field(default_factory=dict)  # the model's other stages, by their names
    _row_sums: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, init=False, repr=False)  # [query]

    def __post_init__(self) -> None:
        _check(self)

    def __repr__(self) -> str:
        return (
            f"Recording({self.model.name}: {self.num_layers} layers x {self.num_heads} heads, "
            f"{self.num_tokens} tokens, {self.device})"
        )

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    @property
    def num_heads(self) -> int:
        return self.layers[0].num_heads

    @property
    def num_tokens(self) -> int:
        return len(self.tokens)

    @property
    def num_keys(self) -> int:
        return self.num_tokens if self.keys is None else self.keys.num_tokens

    @property
    def grid(self) -> tuple[int, int] | None:
        """(rows, columns) of the patches; None for a text."""
        return None if self.photo is None else self.photo.grid

    @property
    def nbytes(self) -> int:
        """Bytes that the tensors and arrays take."""
        arrays = [*self.outputs.values(), *self._row_sums.copy().values()]
        arrays += [] if self.photo is None else [self.photo.pixels]
        own = sum(heads.nbytes for heads in self.layers) + sum(array.nbytes for array in arrays)
        return own + sum(stage.nbytes for stage in self.stages.values())

    def of(self, stage: str) -> "Recording":
        """One stage of a model that has several. Raises ValueError for one that it does not have."""
        if stage == self.stage:
            return self
        if stage not in self.stages:
            raise ValueError(f"There is no stage {stage!r}; there are {', '.join([self.stage, *self.stages])}.")
        return self.stages[stage]

    def attention(
        self, layer: Index, head: Index | None = None, query: Index | None = None, *, stage: str | None = None
    ) -> np.ndarray:
        """The weights [head, query, key] of a layer, without the axes that head and query pick from.

        Rows sum to one; with sinks (gpt-oss) to less.

        Raises ValueError for a layer, head, query or stage that is not there.
        """
        if stage is not None:
            return self.of(stage).attention(layer, head, query)
        if query is None:
            return _numpy(self._layer(layer).weights(slice(None), self._picked(head)))
        row = _index("query", query, self.num_tokens)
        return _numpy(self._layer(layer).weights(slice(row, row + 1), self._picked(head)).squeeze(-2))

    def scores(
        self, layer: Index, head: Index | None = None, query: Index | None = None, *, stage: str | None = None
    ) -> np.ndarray:
        """What goes into the softmax, scaled and masked (-inf where nothing may be looked at); axes as `attention`."""
        if stage is not None:
            return self.of(stage).scores(layer, head, query)
        heads, picked = self._layer(layer), self._picked(head)
        if query is None:
            return _numpy(heads.scores(slice(None), slice(None), picked))
        row = _index("query", query, self.num_tokens)
        return _numpy(heads.scores(slice(row, row + 1), slice(None), picked).squeeze(-2))

    def attention_from(
        self, layer: Index, queries: Sequence[int] | np.ndarray, head: Index | None = None
    ) -> np.ndarray:
        """Some rows of `attention`, [head, query, key] in the order of the queries; or [query, key] of one head.

        Raises ValueError as `attention` does.
        """
        rows = torch.tensor([_index("query", query, self.num_tokens) for query in queries], dtype=torch.long)
        return _numpy(self._layer(layer).weights(rows, self._picked(head)))

    def attention_to(
        self, layer: Index, key: Index | Sequence[Index] | np.ndarray, head: Index | None = None
    ) -> np.ndarray:
        """How much every query looks at one key: the column [head, query] of `attention`, by way of `log_sum_exp`.

        Of several keys: their columns [head, query, key], in their order. Raises ValueError as `attention` does.
        """
        if not isinstance(key, (Sequence, np.ndarray)):
            return self.attention_to(layer, [key], head)[..., 0]
        columns = torch.tensor([self._key_index(each) for each in key], dtype=torch.long)
        scores = _numpy(self._layer(layer).scores(slice(None), columns, self._picked(head)))
        sums = self.log_sum_exp(layer, head)[..., None]
        with np.errstate(invalid="ignore"):  # a damaged recording may hold infinite scores
            weights: np.ndarray = np.exp(scores - np.where(sums == -np.inf, 0, sums))
        return weights  # zeros for a query that may look at nothing

    def log_sum_exp(self, layer: Index, head: Index | None = None) -> np.ndarray:
        """log of the sum of exp(scores) over the keys, [head, query] or [query]: a weight is exp(score - it).

        With it, single weights can be computed from queries and keys alone. It is kept once computed; never more than
        CHUNK scores are in memory.
        """
        if head is None:
            return np.stack([self.log_sum_exp(layer, each) for each in range(self.num_heads)])
        layer_index, head_index = _index("layer", layer, self.num_layers), _index("head", head, self.num_heads)
        if (layer_index, head_index) not in self._row_sums:
            inputs = self.layers[layer_index]
            sums = [inputs.log_sums(rows, head_index) for rows in self._chunks()]
            self._row_sums[layer_index, head_index] = _numpy(torch.cat(sums))
        return self._row_sums[layer_index, head_index]

    def pooled(self, layer: Index, head: Index, size: int = 512) -> np.ndarray:
        """One head's weights as a matrix small enough to draw: [cell of queries, cell of keys], at most size a side.

        All cells hold the same number of tokens, ceil(tokens / size) of the longer side, but the last of each side,
        which holds the rest.
        A cell is the mean over its queries of the sum over its keys, so rows still sum to one. It is exact, from all
        weights; never more than CHUNK of them (or one row of cells) are in memory.

        Raises ValueError for a layer or head that is not there, or a size below 1.
        """
        longer = max(self.num_tokens, self.num_keys)
        if _index("size", size, 1 + longer + size) == 0:
            raise ValueError("size must be a whole number from 1, not 0.")
        step = math.ceil(longer / size)
        num_cells = math.ceil(self.num_keys / step)
        missing = num_cells * step - self.num_keys  # of the last cell
        heads, picked = self._layer(layer), _index("head", head, self.num_heads)
        means = []
        for rows in self._chunks(step):
            weights = heads.weights(rows, picked)
            sums = F.pad(weights, (0, missing)).unflatten(-1, (num_cells, step)).sum(dim=-1)  # [query, cell]
            means += [cell.mean(dim=0) for cell in sums.split(step)]
        return _numpy(torch.stack(means))

    def query(self, layer: Index, head: Index | None = None) -> np.ndarray:
        """The query vectors [head, token, d_head] of a layer, or [token, d_head] of one head."""
        return self._vectors("query", layer, head)

    def key(self, layer: Index, head: Index | None = None) -> np.ndarray:
        """The key vectors, as `query`; heads that share a key each have it."""
        return self._vectors("key", layer, head)

    def value(self, layer: Index, head: Index | None = None) -> np.ndarray:
        """The value vectors, as `query`."""
        return self._vectors("value", layer, head)

    def mask(self, layer: Index, head: Index) -> np.ndarray | None:
        """What a head's mask adds to its scores, float32 [query or 1, key]; None where there is none.

        Being causal is not part of it: layers[layer].causal says that.
        """
        mask = self._layer(layer).mask
        if mask is None:
            return None
        per_head = mask.expand(self.num_heads, *mask.shape[-2:])[_index("head", head, self.num_heads)]
        if per_head.dtype == torch.bool:
            per_head = torch.zeros_like(per_head, dtype=torch.float32).masked_fill(~per_head, -math.inf)
        return per_head.float().cpu().numpy()

    def without_special(self) -> "Recording":
        """The same without special tokens among the keys: the softmax is of the rest, so that rows sum to one again.

        A row with nothing left is zeros. Queries, keys and values stay as they are; so do special tokens as queries.
        """
        keys = self if self.keys is None else self.keys
        left_out = torch.from_numpy(keys.special).to(self.layers[0].query.device)
        return replace(
            self,
            layers=tuple(layer.without(left_out) for layer in self.layers),
            notes={**self.notes, WEIGHTS: "special tokens left out"},
            stages={name: stage.without_special() for name, stage in self.stages.items()},
        )

    def merged(self, what: str) -> "Merged":
        """The weights between words instead of tokens: a recording, of which scores and vectors raise, saying why.

        Args:
            what: "words"; no other pieces are merged.

        Raises InputError for anything else.
        """
        if what != "words":
            raise InputError(f"Tokens are merged into “words”, not into {what!r:.40}.")
        # by name: what works on recordings is not imported by them
        return import_module("headlens.model.comparison.merged").merge_words(self)  # type: ignore[no-any-return]

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, the rest as JSON in its metadata. Raises RecordingError where that cannot be."""
        file.save(Path(path), self._saved(), {name: stage._saved() for name, stage in self.stages.items()})

    @staticmethod
    def load(path: str | Path, device: str = "cpu") -> "Recording":
        """Read what `save` wrote, its tensors to a device. Raises RecordingError when the file is not a recording,
        DeviceError for a device that this machine does not have."""
        main, others = file.load(Path(path), device)
        alone = Recording(**vars(main.data))
        stages = {
            name: Recording(**vars(stage.data), keys=None if stage.keys is None else alone)
            for name, stage in others.items()
        }
        return replace(alone, stages=stages) if stages else alone

    def _saved(self) -> file.SavedStage:
        return file.SavedStage(self, None if self.keys is None else self.keys.stage)

    def _layer(self, layer: Index) -> AttentionInputs:
        return self.layers[_index("layer", layer, self.num_layers)]

    def _vectors(self, name: str, layer: Index, head: Index | None) -> np.ndarray:
        heads = self._layer(layer)
        if heads.scores_only:
            raise ValueError("This model computes its attention by itself: its scores were recorded, not its vectors.")
        vectors = heads.repeated(getattr(heads, name))
        return _numpy(vectors if head is None else vectors[_index("head", head, self.num_heads)])

    def _picked(self, head: Index | None) -> int | None:
        return None if head is None else _index("head", head, self.num_heads)

    def _key_index(self, key: Index) -> int:
        return _index("key", key, self.num_keys)

    def _chunks(self, step: int = 1) -> list[slice]:
        """Rows of one head, as many at once as CHUNK allows, in multiples of the step."""
        rows = step * max(1, CHUNK // (self.num_keys * step))
        return [slice(first, min(first + rows, self.num_tokens)) for first in range(0, self.num_tokens, rows)]


def _index(name: str, value: object, count: int) -> int:
    try:
        index = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]  # or TypeError
    except TypeError:
        index = -1
    if not 0 <= index < count:
        raise ValueError(f"{name} must be a whole number from 0 to {count - 1}, not {value!r}.")
    return index


def _numpy(tensor: Tensor) -> np.ndarray:
    return upcast(tensor).cpu().numpy()


def _check(recording: Recording) -> None:
    def same(what: str, found: object, expected: object) -> None:
        if found != expected:
            raise RecordingError(f"A recording's {what} should be {expected}, but it is {found}.")

    if not recording.layers or not recording.tokens:
        raise RecordingError("A recording needs at least one layer and one token.")
    num_heads, num_tokens, num_keys = recording.num_heads, recording.num_tokens, recording.num_keys
    for number, heads in enumerate(recording.layers):
        key_heads, width = heads.key.shape[0], heads.query.shape[-1]
        same(f"layer {number} query shape", tuple(heads.query.shape), (num_heads, num_tokens, width))
        same(f"layer {number} key shape", tuple(heads.key.shape), (key_heads, num_keys, width))
        same(f"layer {number} value shape", tuple(heads.value.shape), (key_heads, num_keys, heads.value.shape[-1]))
        same(f"layer {number} heads that no key head serves", num_heads % key_heads, 0)
        if heads.mask is not None:
            axes = zip(heads.mask.shape, (num_heads, num_tokens, num_keys)[-heads.mask.ndim :])
            broadcastable = tuple(1 if found == 1 else expected for found, expected in axes)
            same(f"layer {number} mask shape", tuple(heads.mask.shape), broadcastable)
        if heads.sinks is not None:
            same(f"layer {number} sinks shape", tuple(heads.sinks.shape), (num_heads,))
    for name in ("words", "special", "segments"):
        same(f"number of {name}", len(getattr(recording, name)), num_tokens)
    for name in ("offsets", "ids"):
        if getattr(recording, name):
            same(f"number of {name}", len(getattr(recording, name)), num_tokens)
    if "norms" in recording.outputs:
        same("shape of norms", recording.outputs["norms"].shape, (num_tokens,))
    if recording.grid is not None:
        rows, columns = recording.grid
        same(f"number of tokens for a grid of {rows} x {columns}", num_tokens, recording.prefix_tokens + rows * columns)
