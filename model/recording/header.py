"""What a recording's file says of itself, checked before any of its tensors is read: it may be anybody's."""

import math
from collections.abc import Mapping
from typing import NamedTuple, NotRequired, TypedDict, cast, get_args

from headlens.model.json_checks import (
    Check,
    is_above_zero,
    is_boolean,
    is_count,
    is_not_below_zero,
    is_number,
    is_object,
    is_string,
    list_of,
    object_of,
    optional,
    pair_of,
    parse_json,
    values_of,
)
from headlens.model.recording.parts import Cell, Picture, Predicts, Scores, Unit

MAX_HEADER = 16_000_000  # bytes; the longest pair of texts, all of it escaped twice, takes 3 million
MAX_TOKENS = 100_000  # one row of weights of each head is then small, and no text has more characters
MAX_LAYERS = 1_000  # of one stage; the deepest known has 126
MAX_TENSOR_BYTES = 16_000_000_000  # thirty times the largest recording of the catalogue's models
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
MAX_STAGES = 10
MAX_WIDTH = 4_096  # d_head of a key or value; the largest known is 576
VECTORS = ("BF16", "F16", "F32", "F64")  # number formats of queries, keys and values


class Stored(NamedTuple):
    """What the file says of a tensor."""

    dtype: str  # as safetensors writes it
    shape: tuple[int, ...]


class LayerAbout(TypedDict):
    """What the file says of one layer."""

    causal: bool
    scale: float
    softcap: float | None
    scores_only: bool


class PhotoAbout(TypedDict):
    """What the file says of a photo, beside its pixels."""

    aspect: float
    grid: list[int]  # rows, columns
    window: NotRequired[list[float]]  # not in the files of version 0.1, nor are:
    cell: NotRequired[Cell]
    picture: NotRequired[Picture]


# position, candidates; and, but in the files of version 0.1, what it is of and what made its scores
PredictionAbout = tuple[int | None, list[tuple[str, float]]] | tuple[int | None, list[tuple[str, float]], str, str]


class StageAbout(TypedDict):
    """What the file says of one stage, as JSON has it: tuples are lists."""

    layers: list[LayerAbout]
    model: dict[str, str]
    special: list[bool]
    notes: dict[str, str]
    photo: PhotoAbout | None
    tokens: list[str]
    words: list[int | None]
    segments: list[int]
    seconds: float
    device: str
    offsets: list[list[int] | None]
    texts: list[str]
    prefix_tokens: int
    predictions: list[PredictionAbout]
    stage: str
    unit: NotRequired[str]  # not in the files of version 0.1, nor are:
    ids: NotRequired[list[int]]
    keys: str | None
    stages: "dict[str, StageAbout]"


def parse(text: str) -> StageAbout:
    """The JSON that `save` wrote: every part there, and of its type. Raises ValueError."""
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ValueError("its metadata are not JSON") from error
    about = _checked(value)
    for name, part in about["stages"].items():
        stage = _checked(part)
        if stage["stages"] or stage["stage"] != name or stage["keys"] not in (None, about["stage"]):
            raise ValueError(f"its stage {name!r:.60} should be one of the recording's own")
    if about["keys"] is not None or len(about["stages"]) > MAX_STAGES:
        raise ValueError(f"it should have keys of its own, and at most {MAX_STAGES} other stages")
    return about


def _checked(about: object) -> StageAbout:
    if not isinstance(about, dict) or not PARTS.keys() - LATER <= about.keys() <= PARTS.keys():
        raise ValueError(f"it should say {', '.join(PARTS)}, and nothing else")
    for name, (check, what) in PARTS.items():
        if name in about and not check(about[name]):
            raise ValueError(f"its {name} should be {what}")
    return cast(StageAbout, about)


def check_tensors(stored: Mapping[str, Stored], about: StageAbout) -> None:
    """Every tensor there, of a number format and shape that can be; whether they fit is for Recording to say.

    Raises ValueError.
    """
    total = sum(math.prod(tensor.shape) * BYTES.get(tensor.dtype, 16) for tensor in stored.values())
    if total > MAX_TENSOR_BYTES:
        raise ValueError(f"its tensors take {total:,} bytes, more than {MAX_TENSOR_BYTES:,}")
    of_main = {name: tensor for name, tensor in stored.items() if not name.startswith("stages.")}
    num_tokens = len(about["tokens"])
    checked = _check_stage(of_main, about, num_tokens)
    for name, stage in about["stages"].items():
        prefix = f"stages.{name}."
        own = {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
        checked += _check_stage(own, stage, len(stage["tokens"]) if stage["keys"] is None else num_tokens)
    if checked != len(stored):
        raise ValueError("its tensors are not those of its stages")


def _check_stage(stored: Mapping[str, Stored], about: StageAbout, num_keys: int) -> int:
    """The tensors of one stage, without the prefix of their names; how many they are."""
    layers = range(len(about["layers"]))
    queries = {f"layers.{layer}.query" for layer in layers}
    others = {f"layers.{layer}.{name}" for layer in layers for name in ("key", "value")}
    needed = queries | others | ({"photo"} if about["photo"] is not None else set())
    masks = {f"layers.{layer}.mask" for layer in layers}
    sinks = {f"layers.{layer}.sinks" for layer in layers}
    outputs = {name for name in stored if name.startswith("outputs.")}
    if not needed <= stored.keys() or not stored.keys() <= needed | masks | sinks | outputs:
        raise ValueError("its tensors are not those of its layers, photo and outputs")

    num_tokens = len(about["tokens"])
    first = stored["layers.0.query"]
    if first.dtype not in VECTORS or len(first.shape) != 3 or first.shape[1] != num_tokens:
        raise ValueError(f"its queries should be floats [head, {num_tokens}, d_head], not {_written(first)}")
    for name in queries:
        tensor = stored[name]
        if tensor.dtype != first.dtype or tensor.shape[:2] != first.shape[:2] or len(tensor.shape) != 3:
            raise ValueError(f"its {name} should be {_written(first)}, not {_written(tensor)}")
    for name in others:
        tensor = stored[name]
        axes = tensor.shape[2:] if name.endswith("value") else stored[name.replace("key", "query")].shape[2:]
        wrong = tensor.dtype != first.dtype or len(tensor.shape) != 3 or tensor.shape[1:] != (num_keys, *axes)
        if wrong or tensor.shape[2] > MAX_WIDTH:
            raise ValueError(f"its {name} should be {first.dtype} [head, {num_keys}, d_head], not {_written(tensor)}")
    for name in masks & stored.keys():
        if stored[name].dtype not in ("BOOL", *VECTORS):
            raise ValueError(f"its {name} should be of bool or float, not {_written(stored[name])}")
    for layer in (layer for layer in layers if about["layers"][layer]["scores_only"]):
        mask, width = stored.get(f"layers.{layer}.mask"), stored[f"layers.{layer}.query"].shape[2]
        if mask is None or mask.dtype not in VECTORS or width != 1:
            raise ValueError(f"its layer {layer} should have its scores as a mask of floats, and no vectors")
    for name in sinks & stored.keys():
        if stored[name].dtype not in VECTORS:
            raise ValueError(f"its {name} should be of float, not {_written(stored[name])}")
    if "photo" in needed and (stored["photo"].dtype != "U8" or [*stored["photo"].shape[2:]] != [3]):
        raise ValueError(f"its photo should be U8 [height, width, 3], not {_written(stored['photo'])}")
    for name in outputs:
        _check_output(name.removeprefix("outputs."), stored[name])
    for name, tensor in stored.items():
        if 0 in tensor.shape:
            raise ValueError(f"its {name!r:.60} should not be empty")
    return len(stored)


def _check_output(name: str, tensor: Stored) -> None:
    axes = {"saliency": (2,), "embedding": (1, 2), "similarity": (0,), "norms": (1,)}.get(name)
    formats = BYTES.keys() - {"BF16"} if axes is None else {"F16", "F32", "F64"}  # numpy knows no bfloat16
    if tensor.dtype not in formats or (axes is not None and len(tensor.shape) not in axes):
        raise ValueError(f"its output {name!r:.60} cannot be {_written(tensor)}")


def _written(tensor: Stored) -> str:
    return f"{tensor.dtype} {list(tensor.shape)}"


KINDS = [kind.value for kind in Predicts]
LAYER: dict[str, Check] = {
    "causal": is_boolean,
    "scale": is_number,
    "softcap": optional(is_above_zero),
    "scores_only": is_boolean,
}
_MODEL_PARTS = dict.fromkeys(("name", "title", "kind", "authors", "licence"), is_string)
_PHOTO_PARTS: dict[str, Check] = {
    "aspect": is_above_zero,
    "grid": list_of(lambda side: is_count(side) and is_above_zero(side), high=2, low=2),
}
_LATER_PHOTO_PARTS: dict[str, Check] = {
    "window": list_of(is_number, high=4, low=4),
    "cell": lambda value: value in get_args(Cell),
    "picture": lambda value: value in get_args(Picture),
}


def _is_photo(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    later = {name: check for name, check in _LATER_PHOTO_PARTS.items() if name in value}
    return object_of(**_PHOTO_PARTS, **later)(value)


def _is_model(value: object) -> bool:
    without = object_of(**_MODEL_PARTS)(value)  # as version 0.1 wrote it
    return without or object_of(**_MODEL_PARTS, revision=is_string)(value)


_LAYERS = list_of(object_of(**LAYER), high=MAX_LAYERS, low=1)
_CANDIDATES = list_of(pair_of(is_string, is_number), high=100)


def _is_prediction(value: object) -> bool:
    if not isinstance(value, list) or len(value) not in (2, 4) or not optional(is_count)(value[0]):
        return False
    return _CANDIDATES(value[1]) and (len(value) == 2 or (value[2] in KINDS and value[3] in get_args(Scores)))


# What each part must be: a check of it, and the same in words.
PARTS: dict[str, tuple[Check, str]] = {
    "layers": (_LAYERS, f"1 to {MAX_LAYERS:,}, each with causal, scale, softcap and scores_only"),
    "model": (_is_model, "five texts, by name"),
    "special": (list_of(is_boolean, high=MAX_TOKENS), "a list of true and false"),
    "notes": (values_of(is_string), "texts by name"),
    "photo": (optional(_is_photo), "null, or a positive aspect and a grid of rows and columns"),
    "tokens": (list_of(is_string, high=MAX_TOKENS, low=1), f"1 to {MAX_TOKENS:,} texts"),
    "words": (list_of(optional(is_count), high=MAX_TOKENS), "a list of whole numbers and null"),
    "segments": (list_of(is_count, high=MAX_TOKENS), "a list of whole numbers"),
    "seconds": (is_not_below_zero, "a number that is not negative"),
    "device": (is_string, "a text"),
    "offsets": (list_of(optional(list_of(is_count, high=2, low=2)), high=MAX_TOKENS), "a list of pairs and null"),
    "texts": (list_of(is_string, high=2), "at most two texts"),
    "prefix_tokens": (is_count, "a whole number"),
    "predictions": (
        list_of(_is_prediction, high=MAX_TOKENS),
        "a list of positions, each with texts and their scores, what they are of, and what made the scores",
    ),
    "stage": (is_string, "a text"),
    "unit": (lambda unit: unit in get_args(Unit), " or ".join(get_args(Unit))),
    "ids": (list_of(is_count, high=MAX_TOKENS), "a list of whole numbers"),
    "keys": (optional(is_string), "null, or the stage whose positions they are"),
    "stages": (is_object, "an object"),
}
LATER = {"unit", "ids"}  # not in the files of version 0.1
