"""What was gathered as bytes, to be kept while an atlas is built and to be sent: safetensors, and no pickle."""

import json
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from headlens.model.atlas.best import ENTRY
from headlens.model.atlas.gathered import Failed, Gathered, Limits, Seen
from headlens.model.atlas.kept import Kept
from headlens.model.atlas.rows import Place
from headlens.model.errors import InputError

DAMAGED = "What was kept of an unfinished atlas is damaged; delete its folder, and build it again."


def pack(gathered: Gathered, about: Mapping[str, object] | None = None) -> bytes:
    """With a few words about it, that JSON can say."""
    arrays: dict[str, np.ndarray] = {}
    for name, tallies in gathered.tallies.items():
        arrays[f"tally/{name}"] = tallies
    for name, entries in gathered.best.items():
        arrays |= {f"best/{name}/{field}": entries[field] for field in ENTRY.names or ()}
    for number, kept in gathered.kept.items():
        arrays[f"kept/{number}/positions"] = kept.positions
        for kind, layers in (("query", kept.queries), ("key", kept.keys)):
            arrays |= {f"kept/{number}/{kind}/{layer}": vectors for layer, vectors in enumerate(layers)}
    arrays["rows/places"] = np.array([*gathered.rows], dtype=np.int64).reshape(-1, 3)
    arrays["rows/lengths"] = np.array([len(row) for row in gathered.rows.values()], dtype=np.int64)
    arrays["rows/weights"] = np.concatenate([np.zeros(0, np.float32), *gathered.rows.values()])
    for number, seen in gathered.seen.items():
        arrays[f"picture/{number}"] = np.frombuffer(seen.picture, dtype=np.uint8)
    words = {
        "about": about or {},
        "limits": gathered.limits,
        "inputs": gathered.inputs,
        "tokens": gathered.tokens,
        "failed": dict(sorted(gathered.failed.items())),
        "seen": {number: [*_parts(seen)] for number, seen in gathered.seen.items()},
        "kept": {number: [kept.priority, len(kept.queries)] for number, kept in gathered.kept.items()},
        "tallies": list(gathered.tallies),
        "best": list(gathered.best),
    }
    arrays["words"] = np.frombuffer(json.dumps(words).encode(), dtype=np.uint8)
    data: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return data


def unpack(data: bytes) -> tuple[Gathered, dict[str, object]]:
    """What `pack` made, and the words about it. Raises InputError for anything else."""
    try:
        arrays = load(data)
        words = json.loads(arrays["words"].tobytes())
        gathered = Gathered(
            Limits(*words["limits"]),
            {name: arrays[f"tally/{name}"] for name in words["tallies"]},
            {name: _entries(arrays, name) for name in words["best"]},
            {int(number): _kept(arrays, number, *kept) for number, kept in words["kept"].items()},
            _rows(arrays),
            {int(number): _seen(arrays, number, *parts) for number, parts in words["seen"].items()},
            {int(number): Failed(*failed) for number, failed in words["failed"].items()},
            words["inputs"],
            words["tokens"],
        )
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(DAMAGED) from error
    return gathered, words["about"]


def _parts(seen: Seen) -> tuple[object, ...]:
    return seen.id, seen.texts, seen.tokens, [int(special) for special in seen.special], seen.grid


def _seen(
    arrays: Mapping[str, np.ndarray], number: str, id: str, texts: list[str], tokens: list[str], *rest: list[int] | None
) -> Seen:
    special, grid = rest
    shape = None if grid is None else (grid[0], grid[1])
    picture = arrays[f"picture/{number}"].tobytes()
    return Seen(id, tuple(texts), tuple(tokens), tuple(map(bool, special or ())), shape, picture)


def _kept(arrays: Mapping[str, np.ndarray], number: str, priority: int, num_layers: int) -> Kept:
    queries, keys = (
        tuple(arrays[f"kept/{number}/{kind}/{layer}"] for layer in range(num_layers)) for kind in ("query", "key")
    )
    return Kept(priority, arrays[f"kept/{number}/positions"], queries, keys)


def _rows(arrays: Mapping[str, np.ndarray]) -> dict[Place, np.ndarray]:
    """Each in memory of its own: the last one that is kept of a part would hold those of all others."""
    rows = np.split(arrays["rows/weights"], arrays["rows/lengths"].cumsum()[:-1])
    return {
        (layer, head, number): row.copy() for (layer, head, number), row in zip(arrays["rows/places"].tolist(), rows)
    }


def _entries(arrays: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    fields = {field: arrays[f"best/{name}/{field}"] for field in ENTRY.names or ()}
    entries = np.empty(fields["value"].shape, dtype=ENTRY)
    for field, values in fields.items():
        entries[field] = values
    return entries
