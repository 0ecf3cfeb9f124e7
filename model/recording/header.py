"""What a recording's file says of itself, checked before any of its tensors is read: it may be anybody's."""

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

MAX_HEADER = 16_000_000  # bytes; the longest pair of texts, all of it escaped twice, takes 3 million
MAX_TOKENS = 100_000  # one row of weights of each head is then small, and no text has more characters
MAX_TENSOR_BYTES = 16_000_000_000  # thirty times the largest recording of the catalogue's models
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
MAX_STAGES = 3
MAX_WIDTH = 4_096  # d_head of a key or value; the largest known is 576
VECTORS = ("BF16", "F16", "F32", "F64")  # number formats of queries, keys and values


class Stored(NamedTuple):
    """What the file says of a tensor."""

    dtype: str  # as safetensors writes it
    shape: tuple[int, ...]


def check_length(path: Path) -> None:
    """Raises ValueError for a header that is too long to be parsed."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if length > min(MAX_HEADER, os.path.getsize(path)):
        raise ValueError(f"its header has {length:,} bytes, more than the file or than {MAX_HEADER:,}")


def parse(written: str) -> dict[str, Any]:
    """The JSON that `save` wrote: every part there, and of its type. Raises ValueError, RecursionError."""
    try:
        about = json.loads(written)
    except ValueError as error:
        raise ValueError("its metadata are not JSON") from error
    _check_parts(about)
    for name, stage in about["stages"].items():
        _check_parts(stage)
        if stage["stages"] or stage["stage"] != name or stage["keys"] not in (None, about["stage"]):
            raise ValueError(f"its stage {name!r:.60} should be one of the recording's own")
    if about["keys"] is not None or len(about["stages"]) > MAX_STAGES:
        raise ValueError(f"it should have keys of its own, and at most {MAX_STAGES} other stages")
    return about


def _check_parts(about: Any) -> None:
    if not isinstance(about, dict) or about.keys() != PARTS.keys():
        raise ValueError(f"it should say {', '.join(PARTS)}, and nothing else")
    for name, (fits, what) in PARTS.items():
        if not fits(about[name]):
            raise ValueError(f"its {name} should be {what}")


def check_tensors(stored: Mapping[str, Stored], about: Mapping[str, Any]) -> None:
    """Every tensor there, of a number format and shape that can be; whether they fit is for Recording to say.

    Raises ValueError.
    """
    total = sum(math.prod(tensor.shape) * BYTES.get(tensor.dtype, 16) for tensor in stored.values())
    if total > MAX_TENSOR_BYTES:
        raise ValueError(f"its tensors take {total:,} bytes, more than {MAX_TENSOR_BYTES:,}")
    of_main = {name: tensor for name, tensor in stored.items() if not name.startswith("stages.")}
    num_tokens = len(about["tokens"])
    checked = _check_stage(of_main, about, num_tokens)
    for stage, said in about["stages"].items():
        prefix = f"stages.{stage}."
        own = {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
        checked += _check_stage(own, said, len(said["tokens"]) if said["keys"] is None else num_tokens)
    if checked != len(stored):
        raise ValueError("its tensors are not those of its stages")


def _check_stage(stored: Mapping[str, Stored], about: Mapping[str, Any], num_keys: int) -> int:
    """The tensors of one stage, without the prefix of their names; how many they are."""
    layers = range(len(about["layers"]))
    queries = {f"layers.{number}.query" for number in layers}
    others = {f"layers.{number}.{name}" for number in layers for name in ("key", "value")}
    needed = queries | others | ({"photo"} if about["photo"] is not None else set())
    masks = {f"layers.{number}.mask" for number in layers}
    sinks = {f"layers.{number}.sinks" for number in layers}
    named = {name for name in stored if name.startswith("outputs.")}
    if not needed <= stored.keys() or not stored.keys() <= needed | masks | sinks | named:
        raise ValueError("its tensors are not those of its layers, photo and outputs")

    num_tokens = len(about["tokens"])
    first = stored["layers.0.query"]
    if first.dtype not in VECTORS or len(first.shape) != 3 or first.shape[1] != num_tokens:
        raise ValueError(f"its queries should be floats [head, {num_tokens}, d_head], not {_said(first)}")
    for name in queries:
        found = stored[name]
        if found.dtype != first.dtype or found.shape[:2] != first.shape[:2] or len(found.shape) != 3:
            raise ValueError(f"its {name} should be {_said(first)}, not {_said(found)}")
    for name in others:
        found = stored[name]
        axes = found.shape[2:] if name.endswith("value") else stored[name.replace("key", "query")].shape[2:]
        wrong = found.dtype != first.dtype or len(found.shape) != 3 or found.shape[1:] != (num_keys, *axes)
        if wrong or found.shape[2] > MAX_WIDTH:
            raise ValueError(f"its {name} should be {first.dtype} [head, {num_keys}, d_head], not {_said(found)}")
    for name in masks & stored.keys():
        if stored[name].dtype not in ("BOOL", *VECTORS):
            raise ValueError(f"its {name} should be of bool or float, not {_said(stored[name])}")
    for name in sinks & stored.keys():
        if stored[name].dtype not in VECTORS:
            raise ValueError(f"its {name} should be of float, not {_said(stored[name])}")
    if "photo" in needed and (stored["photo"].dtype != "U8" or [*stored["photo"].shape[2:]] != [3]):
        raise ValueError(f"its photo should be U8 [height, width, 3], not {_said(stored['photo'])}")
    for name in named:
        _check_output(name.removeprefix("outputs."), stored[name])
    for name, tensor in stored.items():
        if 0 in tensor.shape:
            raise ValueError(f"its {name!r:.60} should not be empty")
    return len(stored)


def _check_output(name: str, tensor: Stored) -> None:
    axes = {"saliency": (2,), "embedding": (1, 2), "similarity": (0,)}.get(name)
    formats = BYTES.keys() - {"BF16"} if axes is None else {"F16", "F32", "F64"}  # numpy knows no bfloat16
    if tensor.dtype not in formats or (axes is not None and len(tensor.shape) not in axes):
        raise ValueError(f"its output {name!r:.60} cannot be {_said(tensor)}")


def _said(tensor: Stored) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e30  # false for nan


def _list(fits: Fits, low: int = 0, high: int = MAX_TOKENS) -> Fits:
    return lambda value: isinstance(value, list) and low <= len(value) <= high and all(map(fits, value))


def _maybe(fits: Fits) -> Fits:
    return lambda value: value is None or fits(value)


def _object(**parts: Fits) -> Fits:
    return lambda value: (
        isinstance(value, dict)
        and value.keys() == parts.keys()
        and all(fits(value[name]) for name, fits in parts.items())
    )


def _seconds(value: Any) -> bool:
    return _number(value) and value >= 0


def _aspect(value: Any) -> bool:
    return _number(value) and value > 0


def _notes(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_text, value.values()))


def _predictions(value: Any) -> bool:
    candidates = _list(lambda entry: _pair(entry, _text, _number), high=100)
    return _list(lambda entry: _pair(entry, _maybe(_count), candidates))(value)


def _pair(value: Any, first: Fits, second: Fits) -> bool:
    return isinstance(value, list) and len(value) == 2 and first(value[0]) and second(value[1])


LAYER: dict[str, Fits] = {
    "causal": _truth,
    "scale": _number,
    "softcap": _maybe(lambda value: _number(value) and value > 0),
    "scores_only": _truth,
}
# What each part must be: a test of it, and the same in words.
PARTS: dict[str, tuple[Fits, str]] = {
    "layers": (_list(_object(**LAYER), low=1), "one or more, each with causal, scale, softcap and scores_only"),
    "model": (_object(name=_text, title=_text, kind=_text, authors=_text, licence=_text), "five texts, by name"),
    "special": (_list(_truth), "a list of true and false"),
    "notes": (_notes, "texts by name"),
    "photo": (
        _maybe(_object(aspect=_aspect, grid=_list(lambda side: _count(side) and side > 0, 2, 2))),
        "null, or a positive aspect and a grid of rows and columns",
    ),
    "tokens": (_list(_text, low=1), f"1 to {MAX_TOKENS:,} texts"),
    "words": (_list(_maybe(_count)), "a list of whole numbers and null"),
    "segments": (_list(_count), "a list of whole numbers"),
    "seconds": (_seconds, "a number that is not negative"),
    "device": (_text, "a text"),
    "offsets": (_list(_maybe(_list(_count, 2, 2))), "a list of pairs and null"),
    "texts": (_list(_text, high=2), "at most two texts"),
    "prefix_tokens": (_count, "a whole number"),
    "predictions": (_predictions, "a list of positions, each with texts and probabilities"),
    "stage": (_text, "a text"),
    "keys": (_maybe(_text), "null, or the stage whose positions they are"),
    "stages": (lambda value: isinstance(value, dict), "an object"),
}
