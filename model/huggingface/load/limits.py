"""What a checkpoint's folder says of itself, bounded before memory is taken: it may be anybody's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from safetensors import SafetensorError, safe_open

from headlens.model import json_checks
from headlens.model.errors import CheckpointError
from headlens.model.json_checks import header_length, is_object, is_string, object_with, values_of

MAX_JSON = 50_000_000  # bytes of a config.json, an index, or a safetensors header
MAX_ADAPTER = 1_000_000  # bytes of an adapter_config.json
MAX_LAYERS = 1_000  # three times as many as any model of the Hub that is known to be of use
MAX_LABELS = 100_000
ADAPTER = "adapter_config.json"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
MAX_SIZE = 20_000_000  # of any other number in a config.json: vocabularies have up to a million entries
MOST = (  # the first that a number's name fits says how large it may be
    (re.compile(r"size|dim|vocab|width|feature_layer"), MAX_SIZE),
    (re.compile(r"layer|depth|block|stage|head|expert|codebook"), MAX_LAYERS),
    (re.compile(r"label"), MAX_LABELS),
)
COUNTS = re.compile(r"size|vocab|width|depth|n_heads?$|_heads$|n_layers?$|_layers$|experts$|labels$")  # none is below 0


def read_config(folder: Path, *, of_adapter: bool = False) -> dict[str, object]:
    """config.json, its numbers bounded; of_adapter: beside an adapter, of the model that was adapted.

    Raises CheckpointError.
    """
    path = folder / "config.json"
    if (folder / ADAPTER).is_file() and not of_adapter:  # transformers would apply it, unbounded, from pickles too
        raise CheckpointError(
            f"{folder.name!r}, the base of an adapter, holds an adapter itself; merge it with merge_and_unload() of "
            "the peft library, save_pretrained into a new folder, and name that one as the base."
        )
    if not path.is_file():
        inside = _newest([found.parent for found in folder.glob("*/config.json")])
        raise CheckpointError(
            f"There is no config.json in {folder.name!r}; give the folder that save_pretrained wrote"
            + (f", such as {inside.name!r} inside it." if inside else ".")
        )
    value = read_json(path)
    if not object_with(model_type=is_string)(value):
        raise CheckpointError(f"The config.json in {folder.name!r} names no model_type; it is not one of transformers.")
    config = cast(dict[str, object], value)
    _bound(config, folder.name, 0)
    return config


def _newest(folders: list[Path]) -> Path | None:
    """The last of several checkpoints of one training, "checkpoint-1000" after "checkpoint-500"; None of none."""
    return max(folders, key=lambda path: [int(number) for number in re.findall(r"\d+", path.name)], default=None)


def _bound(config: dict[str, object], folder: str, depth: int) -> None:
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


def read_adapter_settings(folder: Path) -> dict[str, object]:
    """adapter_config.json, of bounded size; nothing in it is checked yet. Raises CheckpointError."""
    with _undamaged(folder / ADAPTER):
        value = json_checks.read_json(folder / ADAPTER, MAX_ADAPTER)
        if not is_object(value):
            raise ValueError("it is no object")
    return cast(dict[str, object], value)


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes in a safetensors file by name, from its header, which its reader checks. Raises CheckpointError."""
    with _undamaged(path):
        header_length(path, MAX_JSON)
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  # no dict


def stored_bytes(folder: Path) -> int:
    """Bytes of all weights, from the headers of the safetensors files. Raises CheckpointError."""
    index = folder / "model.safetensors.index.json"
    files = sorted(folder.glob("*.safetensors"))
    if index.is_file() and not (folder / "model.safetensors").is_file():
        value = read_json(index)
        if not object_with(weight_map=values_of(is_string))(value):
            raise CheckpointError(f"{index.name!r} is damaged; copy or download it again.")
        names = set(cast(dict[str, dict[str, str]], value)["weight_map"].values())
        if not names <= {path.name for path in files}:
            raise CheckpointError(f"{index.name!r} names files that are not in {folder.name!r}; download them again.")
        files = [path for path in files if path.name in names]
    if not files:
        pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
        convert = "; where you trust {}, load it in Python by from_pretrained and write it by save_pretrained"
        raise CheckpointError(
            f"There are no weights in {folder.name!r}; safetensors files are read, pickles are not"
            f"{convert.format(pickles[0]) if pickles else ''}."
        )
    return sum(_bytes_in(path) for path in files)


def _bytes_in(path: Path) -> int:
    """Bytes of a safetensors file's tensors; its reader checks that their shapes and number formats take as many."""
    with _undamaged(path):
        length = header_length(path, MAX_JSON)
        with safe_open(path, framework="pt"):
            return path.stat().st_size - 8 - length


def read_json(path: Path) -> object:
    """A JSON file of bounded size. Raises CheckpointError."""
    with _undamaged(path):
        return json_checks.read_json(path, MAX_JSON)


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(f"{path.name!r} is damaged; copy or download it again.") from error
