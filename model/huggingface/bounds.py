"""What a checkpoint's folder says of itself, bounded before memory is taken: it may be anybody's."""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any

from model.errors import CheckpointError

MAX_JSON = 50_000_000  # bytes of a config.json, an index, or a safetensors header
MAX_LAYERS = 1_000  # three times as many as any model of the Hub that is known to be of use
MAX_SIZE = 10_000_000  # of any other number in a config.json: vocabularies have up to a million entries


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
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        layers, counts = "layers" in name, name.endswith(("heads", "size", "layers", "dim", "_experts"))
        if (counts and value < 0) or abs(value) > 1e30 or (counts and value > (MAX_LAYERS if layers else MAX_SIZE)):
            raise CheckpointError(f"The config.json in {folder!r} says {name} = {value!r:.40}, which no model has.")


def stored_bytes(folder: Path) -> int:
    """Bytes of all weights, from the headers of the safetensors files. Raises CheckpointError."""
    files = sorted(folder.glob("*.safetensors"))
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
