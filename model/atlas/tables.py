"""The tables of an atlas, written as parquet: what each holds stands in the README of this package."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headlens.model.analysis.roles.role import Role
from headlens.model.atlas.arrow import pyarrow, pyarrow_parquet
from headlens.model.atlas.best import CRITERIA, NOBODY
from headlens.model.atlas.gathered import Gathered
from headlens.model.atlas.measures import MEASURES, Measure, roles_of
from headlens.model.atlas.schema import MANIFEST, QUANTILES, TABLES, VERSION, schema_of
from headlens.model.atlas.tally import COUNT, ENOUGH, HISTOGRAM, mean, quantile, std
from headlens.model.recording.whole import whole_file

SPLIT = {"vectors": "vector.list.element", "examples": "weights.list.element"}  # floats of each table
NO_WEIGHTS = np.zeros(0, np.float32)  # of an input that is too long
Columns = dict[str, np.ndarray | list[Any]]


def write_tables(folder: Path, gathered: Gathered, manifest: Mapping[str, object], *, kind: str) -> None:
    """All tables, and at last the manifest, which says that they are there; kind: "texts" or "photos".

    Raises OSError.
    """
    num_layers, num_heads = next(iter(gathered.tallies.values())).shape[:2]
    measures = [MEASURES[name] for name, counts in gathered.tallies.items() if counts[..., COUNT].any()]
    roles = roles_of(kind)
    tables = {
        "heads": _heads(gathered, measures),
        "histograms": _histograms(gathered, measures),
        "examples": _examples(gathered),
        "inputs": _inputs(gathered),
        "failed": _failed(gathered),
    }
    for name, columns in tables.items():
        _write(folder, name, iter([columns]))
    _write(folder, "vectors", (_vectors(gathered, layer) for layer in range(num_layers)))
    words = {
        "version": VERSION,
        **manifest,
        "layers": num_layers,
        "heads": num_heads,
        "measures": {measure.name: _words(roles[measure.name]) for measure in measures},
        "criteria": {criterion.name: criterion.sentences[kind] for criterion in CRITERIA},
        "tables": [f"{name}.parquet" for name in TABLES],
    }
    with whole_file(folder / MANIFEST) as part:
        part.write_text(json.dumps(words, indent=2, ensure_ascii=False), encoding="utf-8")


def _words(role: Role) -> dict[str, str]:
    return {"name": role.name, "definition": role.definition, "source": role.source, "unit": role.unit}


def _write(folder: Path, name: str, parts: Iterator[Columns]) -> None:
    """A table in parts, each a row group."""
    arrow, parquet, schema = pyarrow(), pyarrow_parquet(), schema_of(name)
    # The bytes of equal place of floats beside each other: a third of the size, of vectors that are rounded.
    split = {} if name not in SPLIT else {"use_dictionary": ["kind"], "use_byte_stream_split": [SPLIT[name]]}
    with (
        whole_file(folder / f"{name}.parquet") as path,
        parquet.ParquetWriter(path, schema, compression="zstd", **split) as file,
    ):
        for columns in parts:
            file.write_table(arrow.table(columns, schema=schema))


def _heads(gathered: Gathered, measures: list[Measure]) -> Columns:
    parts: list[Columns] = []
    for measure in measures:
        counts = gathered.tallies[measure.name]
        parts.append(
            _of_heads(counts.shape[:2])
            | {
                "measure": [measure.name] * counts[..., COUNT].size,
                "count": counts[..., COUNT].ravel(),
                "enough": counts[..., ENOUGH].ravel(),
                "mean": mean(counts, measure).ravel(),
                "std": std(counts, measure).ravel(),
            }
            | {name: quantile(counts, measure, share).ravel() for name, share in QUANTILES.items()}
        )
    return _joined(parts)


def _histograms(gathered: Gathered, measures: list[Measure]) -> Columns:
    """Bins with something in them."""
    parts: list[Columns] = []
    for measure in measures:
        histogram, edges = gathered.tallies[measure.name][..., HISTOGRAM], measure.edges()
        layers, heads, bins = np.nonzero(histogram)
        parts.append(
            {
                "layer": layers,
                "head": heads,
                "measure": [measure.name] * len(bins),
                "lower": edges[bins],
                "upper": edges[bins + 1],
                "count": histogram[layers, heads, bins],
            }
        )
    return _joined(parts)


def _examples(gathered: Gathered) -> Columns:
    parts: list[Columns] = []
    for name, entries in sorted(gathered.best.items()):
        layers, heads, ranks = np.nonzero(entries["input"] != NOBODY)
        found = entries[layers, heads, ranks]
        names: Columns = {"criterion": [name] * len(ranks), "layer": layers, "head": heads, "rank": ranks}
        places = zip(layers.tolist(), heads.tolist(), found["input"].tolist())
        weights: Columns = {"weights": [rounded(gathered.rows.get(place, NO_WEIGHTS)) for place in places]}
        parts.append(names | weights | {field: found[field] for field in ("input", "value", "query", "key")})
    return _joined(parts)


def _inputs(gathered: Gathered) -> Columns:
    seen = gathered.seen
    grids = [each.grid or (None, None) for each in seen.values()]
    return {
        "input": list(seen),
        "id": [each.id for each in seen.values()],
        "texts": [list(each.texts) for each in seen.values()],
        "tokens": [list(each.tokens) for each in seen.values()],
        "special": [list(each.special) for each in seen.values()],
        "rows": [rows for rows, _ in grids],
        "columns": [columns for _, columns in grids],
        "picture": [each.picture or None for each in seen.values()],
    }


def _failed(gathered: Gathered) -> Columns:
    failed = dict(sorted(gathered.failed.items()))
    return {
        "input": list(failed),
        "id": [each.id for each in failed.values()],
        "reason": [each.reason for each in failed.values()],
    }


def _vectors(gathered: Gathered, layer: int) -> Columns:
    """Of one layer: heads that share a key each have it."""
    parts: list[Columns] = []
    for number, kept in sorted(gathered.kept.items()):
        queries, keys = kept.queries[layer], kept.keys[layer]
        shared = np.repeat(keys, len(queries) // len(keys), axis=0)
        for kind, vectors in (("query", queries), ("key", shared)):
            num_heads, num_positions, width = vectors.shape
            size = num_heads * num_positions
            parts.append(
                {
                    "layer": np.full(size, layer),
                    "head": np.repeat(np.arange(num_heads), num_positions),
                    "kind": [kind] * size,
                    "input": np.full(size, number),
                    "position": np.tile(kept.positions, num_heads),
                    "vector": list(rounded(vectors).reshape(size, width)),
                }
            )
    return _joined(parts) if parts else {name: [] for name in TABLES["vectors"]}


def rounded(values: np.ndarray) -> np.ndarray:
    """float32 with the 11 significant bits of float16, and the exponents of float32: right to one part in 2,048."""
    fraction, exponent = np.frexp(values)
    kept: np.ndarray = np.ldexp(np.rint(fraction * 2**11) / 2**11, exponent).astype(np.float32)
    return kept


def _of_heads(shape: tuple[int, ...]) -> Columns:
    layers, heads = np.indices(shape)
    return {"layer": layers.ravel(), "head": heads.ravel()}


def _joined(parts: list[Columns]) -> Columns:
    """Tables below each other."""
    return {
        name: [each for part in parts for each in part[name]]
        if isinstance(column, list)
        else np.concatenate([part[name] for part in parts])
        for name, column in parts[0].items()
    }
