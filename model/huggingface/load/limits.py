"""What a checkpoint's folder says of itself, bounded before memory is taken: it may be anybody's."""

import json
import re
import struct
from math import prod
from pathlib import Path
from typing import Any

from headlens.model.errors import CheckpointError

MAX_JSON = 50_000_000  # bytes of a config.json, an index, or a safetensors header
MAX_LAYERS = 1_000  # three times as many as any model of the Hub that is known to be of use
MAX_LABELS = 100_000
MAX_SIZE = 20_000_000  # of any other number in a config.json: vocabularies have up to a million entries
MOST = (  # the first that a number's name fits says how large it may be
    (re.compile(r"size|dim|vocab|width|feature_layer"), MAX_SIZE),
    (re.compile(r"layer|depth|block|stage|head|expert|codebook"), MAX_LAYERS),
    (re.compile(r"label"), MAX_LABELS),
)
COUNTS = re.compile(r"size|vocab|width|depth|n_heads?$|_heads$|n_layers?$|_layers$|experts$|labels$")  # none is below 0


def read_config(folder: Path) -> dict[str, Any]:
    """config.json, its numbers bounded. Raises CheckpointError."""
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(
            f"There is no config.json in {folder.name!r}; give the folder that save_pretrained wrote."
        )
    config = read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise CheckpointError(f"The config.json in {folder.name!r} names no model_type; it is not one of transformers.")
    _bound(config, folder.name, 0)
    return config


def _bound(config: dict[str, Any], folder: str, depth: int) -> None:
    for name, value in config.items():
        if isinstance(value, dict) and depth < 8:
            _bound(value, folder, depth + 1)
        if isinstance(value, dict | list):
            value = len(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        most = next((bound for pattern, bound in MOST if pattern.search(name)), 1e30)
        if not abs(value) <= most or (value < 0 and COUNTS.search(name)):
            raise CheckpointError(f"The config.json in {folder!r} says {name} = {value!r:.40}, which no model has.")


def stored_bytes(folder: Path) -> int:
    """Bytes of all weights, from the headers of the safetensors files. Raises CheckpointError."""
    index = folder / "model.safetensors.index.json"
    files = sorted(folder.glob("*.safetensors"))
    if index.is_file() and not (folder / "model.safetensors").is_file():
        said = read_json(index)
        named = set(said["weight_map"].values()) if isinstance(said, dict) and "weight_map" in said else {None}
        if not named <= {path.name for path in files}:
            raise CheckpointError(f"{index.name!r} names files that are not in {folder.name!r}; download them again.")
        files = [path for path in files if path.name in named]
    if not files:
        raise CheckpointError(f"There are no weights in {folder.name!r}; safetensors files are read, pickles are not.")
    return sum(_bytes_in(path) for path in files)


def _bytes_in(path: Path) -> int:
    sizes = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(MAX_JSON, path.stat().st_size):
                raise ValueError("header")
            header = json.loads(file.read(length))
        return sum(
            prod(tensor["shape"]) * sizes.get(tensor["dtype"], 1)
            for name, tensor in header.items()
            if name != "__metadata__"
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError, struct.error, RecursionError) as error:
        raise CheckpointError(f"{path.name!r} is damaged; copy or download it again.") from error


def read_json(path: Path) -> Any:
    """A JSON file of bounded size. Raises CheckpointError."""
    try:
        if path.stat().st_size > MAX_JSON:
            raise ValueError("size")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name!r} is damaged; copy or download it again.") from error
