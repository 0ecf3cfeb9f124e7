"""An atlas that was built, read from its folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from headlens.model.atlas.arrow import pyarrow, pyarrow_parquet
from headlens.model.atlas.schema import MANIFEST, MISSING, TABLES, VERSION, schema_of
from headlens.model.errors import InputError

if TYPE_CHECKING:
    import pyarrow as arrow

LARGEST = 1_000_000  # bytes of a manifest
MOST = 10_000  # layers, or heads of a layer
MOST_INPUTS = 10**12
LARGEST_NUMBER = 1e9  # of a vector: its square is far from the end of float32


class Example(NamedTuple):
    """An input that excites a head, with the query and the key that do, and all that this query looks at."""

    input: int  # see `Atlas.input`
    value: float  # by the criterion
    query: int
    key: int
    weights: np.ndarray  # [token] float32, the query's; none of an input that is too long to keep them


class AtlasInput(NamedTuple):
    """An input as the model read it."""

    id: str  # its place in the data set: "reviews.csv:17", "birds/robin.jpg"
    texts: tuple[str, ...]  # none of a photo
    tokens: tuple[str, ...]
    special: np.ndarray  # [token] bool
    grid: tuple[int, int] | None  # (rows, columns) of a photo's patches
    picture: bytes  # a small JPEG of a photo


class Measured(NamedTuple):
    """What was measured of each head."""

    name: str
    definition: str  # one sentence
    source: str  # a paper
    unit: str  # "share", which is from 0 to 1, "tokens", "patches" or "pixels"


class Vectors(NamedTuple):
    """Queries and keys of one head at the same positions of some inputs."""

    query: np.ndarray  # [position, d_head] float32
    key: np.ndarray  # [position, d_head]
    input: np.ndarray  # [position], see `Atlas.input`
    position: np.ndarray  # [position], which token of its input


@dataclass(frozen=True)
class Atlas:
    """What was found of each head; tables are read when they are asked for, see `open_atlas`."""

    folder: Path
    manifest: Mapping[str, object]  # how it was built: of which model and data set, and what each measure means

    num_layers: int
    num_heads: int
    recorded: int  # inputs
    measures: Mapping[str, Measured]  # by the key of each
    criteria: Mapping[str, str]  # by which inputs are examples, and what each is

    def heads(self, measure: str, statistic: str = "mean") -> np.ndarray:
        """A statistic of a measure over all inputs, [layer, head].

        It is mean, std, q05, q25, median, q75, q95; or of inputs "count", for which it can be told, and "enough", in
        which so many positions tell it that a head may be called after it.

        Raises ValueError for a measure that was not taken, or another statistic.
        """
        if measure not in self.measures:
            raise ValueError(f"There is no measure {measure!r}; there are {', '.join(self.measures)}.")
        table = self._rows("heads", [("measure", "=", measure)])
        if statistic not in table or statistic in ("layer", "head", "measure"):
            raise ValueError(
                f"There is no statistic {statistic!r}; take mean, std, median, a quantile, count or enough."
            )
        found = np.full((self.num_layers, self.num_heads), np.nan)
        try:
            found[table["layer"], table["head"]] = table[statistic]
        except (IndexError, ValueError) as error:  # of a head that the model does not have, or of no number
            raise _damaged("heads") from error
        return found

    def histogram(self, measure: str, layer: int, head: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How a measure of one head spreads over the inputs: where bins begin and end, and how many are in each."""
        table = self._rows("histograms", [("measure", "=", measure), *_of(layer, head)])
        if not all(np.isfinite(table[edge]).all() for edge in ("lower", "upper")):
            raise _damaged("histograms")
        return table["lower"], table["upper"], table["count"]

    def examples(self, layer: int, head: int, criterion: str = "weight") -> list[Example]:
        """The inputs that excite a head most, the first one most."""
        table = self._rows("examples", [("criterion", "=", criterion), *_of(layer, head)])
        if not all(((row >= 0) & (row <= 1)).all() for row in table["weights"]):  # nor of what is no number
            raise _damaged("examples")
        order = np.argsort(table["rank"])
        columns = [table[name][order].tolist() for name in Example._fields]
        return [Example(*row) for row in zip(*columns)]

    def vectors(self, layer: int, head: int) -> Vectors:
        """Queries and keys of one head, for a map of both; none of a model that gives scores alone.

        Raises InputError where they do not belong together.
        """
        table = self._rows("vectors", _of(layer, head))
        parts = {}
        for kind in ("query", "key"):
            chosen = table["kind"] == kind
            order = np.lexsort((table["position"][chosen], table["input"][chosen]))
            parts[kind] = {name: table[name][chosen][order] for name in ("vector", "input", "position")}
        query, key = parts["query"], parts["key"]
        if any(not np.array_equal(query[name], key[name]) for name in ("input", "position")):
            raise _damaged("vectors")
        both = [*query["vector"], *key["vector"]]
        if len({len(vector) for vector in both}) > 1:
            raise _damaged("vectors")
        vectors = np.stack(both) if both else np.zeros((0, 1), np.float32)
        if vectors.shape[1] == 0 or not (np.abs(vectors) < LARGEST_NUMBER).all():  # nor of what is no number
            raise _damaged("vectors")
        queries, keys = np.split(vectors, 2)
        return Vectors(queries, keys, query["input"], query["position"])

    def input(self, number: int) -> AtlasInput:
        """An input that an example or a vector is of.

        Raises InputError for another, and for one whose parts contradict each other.
        """
        return self.inputs([number])[number]

    def inputs(self, numbers: Sequence[int]) -> dict[int, AtlasInput]:
        """Several inputs by their numbers, read at once; raises InputError as `input` does."""
        table = self._rows("inputs", [("input", "in", list(numbers))])
        found = {}
        for values in zip(*table.values()):
            row = dict(zip(table, values))
            found[int(row["input"])] = _input_of(row)
        for number in numbers:
            if number not in found:
                raise InputError(f"Nothing is kept of an input {number}.")
        return found

    def failed(self) -> list[tuple[str, str]]:
        """The id of each input that could not be read or run, and why."""
        table = self._rows("failed", None)
        return list(zip(table["id"].tolist(), table["reason"].tolist()))

    def _rows(self, name: str, filters: list[tuple[str, str, object]] | None) -> dict[str, np.ndarray]:
        """The columns of some rows of a table."""
        path = self.folder / f"{name}.parquet"
        try:
            table = pyarrow_parquet().read_table(path, filters=filters).cast(schema_of(name))
        except (OSError, ValueError, NotImplementedError) as error:  # of other columns, too
            raise _damaged(name) from error
        whole = (column for column in table.column_names if column not in MISSING)
        if any(_lacks(chunk) for column in whole for chunk in table[column].chunks):
            raise _damaged(name)
        return {column: table[column].to_numpy() for column in table.column_names}


def open_atlas(folder: str | Path) -> Atlas:
    """The atlas in a folder. Raises InputError for a folder without one, or one of another version."""
    folder = Path(folder)
    try:
        with (folder / MANIFEST).open("rb") as file:
            manifest = json.loads(file.read(LARGEST))
        version = manifest["version"]
        if version != VERSION:
            raise InputError(
                f"This atlas is of version {version!r:.20}, and version {VERSION} is read; build it again."
            )
        atlas = Atlas(
            folder,
            manifest,
            int(manifest["layers"]),
            int(manifest["heads"]),
            int(manifest["recorded"]),
            {key: Measured(**words) for key, words in manifest["measures"].items()},
            dict(manifest["criteria"]),
        )
        if not all(
            isinstance(word, str) for words in (*atlas.measures.values(), atlas.criteria.values()) for word in words
        ):
            raise ValueError("what was measured has no words")
        if not (atlas.measures and atlas.criteria):
            raise ValueError("nothing was measured")
        if not (0 < atlas.num_layers <= MOST and 0 < atlas.num_heads <= MOST):
            raise ValueError("no model has so many heads")
        if not 0 <= atlas.recorded <= MOST_INPUTS:
            raise ValueError("no data set has so many inputs")
        if not all((folder / f"{name}.parquet").is_file() for name in TABLES):
            raise ValueError("a table is missing")
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{str(folder)!r:.80} is no folder of an atlas, or it is not finished; build it with `headlens atlas "
            "build`."
        ) from error
    return atlas


def _input_of(row: Mapping[str, Any]) -> AtlasInput:
    grid = None if row["rows"] is None or np.isnan(row["rows"]) else (int(row["rows"]), int(row["columns"]))
    special = np.array(row["special"], dtype=bool)
    fits = grid is None or (min(grid) > 0 and grid[0] * grid[1] <= len(special))
    if len(special) != len(row["tokens"]) or not fits:
        raise _damaged("inputs")
    return AtlasInput(row["id"], tuple(row["texts"]), tuple(row["tokens"]), special, grid, row["picture"] or b"")


def _lacks(values: "arrow.Array") -> bool:
    """Whether a value is missing, or one in a list."""
    nested = pyarrow().types.is_list(values.type)
    return bool(values.null_count or (nested and values.flatten().null_count))


def _of(layer: int, head: int) -> list[tuple[str, str, object]]:
    return [("layer", "=", layer), ("head", "=", head)]


def _damaged(table: str) -> InputError:
    return InputError(f"The table '{table}.parquet' of the atlas is missing or damaged; build it again.")
