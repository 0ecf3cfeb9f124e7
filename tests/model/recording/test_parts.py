"""Files of recordings in which one part is of another kind: each is refused in a sentence."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from headlens.model.recording.header import MAX_TOKENS
from tests.model.recording.files import recording_of_a_photo, refusal, rewrite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    recording_of_a_photo().save(tmp_path / "file.safetensors")
    return tmp_path / "file.safetensors"


BIG = 10**400
LAYER: dict[str, Any] = {"causal": False, "scale": 1.0, "softcap": None, "scores_only": False}  # as it is written


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("layers", [[], {}, [{}], [LAYER | {"causal": 1}] * 2, [LAYER | {"more": 1}] * 2, [{"causal": False}] * 2]),
        ("layers", [[LAYER | {"scale": scale}] * 2 for scale in (math.nan, math.inf, BIG, "1", None, True)]),
        ("layers", [[LAYER] * count for count in (1, 3, 100_000)]),
        ("layers", [[LAYER | {"scores_only": True}] * 2]),  # it has vectors
        ("tokens", [[], "abcdefg", ["a"] * 6, [1] * 7, [None] * 7, ["a"] * MAX_TOKENS, ["a"] * (MAX_TOKENS + 1)]),
        ("words", [[1.5] * 7, [-1] * 7, [True] * 7, ["0"] * 7, [BIG] * 7, [None] * 6]),
        ("special", [[0] * 7, [True] * 6, [[True]] * 7, None]),
        ("segments", [[None] * 7, [-1] * 7, [0.0] * 7]),
        ("offsets", [[[0, 1, 2]] * 7, [[0]] * 7, [[0, -1]] * 7, [["a", "b"]] * 7, [[0, 1]] * 6]),
        ("texts", [None, [1], ["a", "b", "c"], "ab"]),
        ("seconds", [float("nan"), -1, "1", None, BIG]),
        ("device", [0, None]),
        ("prefix_tokens", [-1, 1.0, 2, None, BIG]),
        ("photo", [None, [], {"aspect": 1.0}, {"aspect": 1.0, "grid": [2, 3], "more": 1}]),
        (
            "photo",
            [{"aspect": aspect, "grid": [2, 3]} for aspect in (float("nan"), float("inf"), 0, -1.5, "1.5", True)],
        ),
        ("photo", [{"aspect": 1.5, "grid": grid} for grid in ([-2, -3], [2], [2, 3, 1], [2.0, 3], [1, 7], [BIG, 0])]),
        ("notes", [[], {"a": 1}, "a"]),
        ("model", [None, {}, {"name": "alone"}, dict.fromkeys(("name", "title", "kind", "authors", "licence"), 1)]),
        ("something else", [1]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_parts_of_another_kind(path: Path, part: str, values: list[Any]) -> None:
    for value in values:
        refusal(rewrite(copied(path), **{part: value}))


def copied(path: Path) -> Path:
    copy = path.with_name("copy.safetensors")
    copy.write_bytes(path.read_bytes())
    return copy


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("layers.0.query", torch.zeros(3, 7, 4, dtype=torch.int8)),
        ("layers.0.key", torch.zeros(3, 7, 4, dtype=torch.float64)),
        ("layers.1.value", torch.zeros(3, 7, 4, dtype=torch.bool)),
        ("layers.1.value", torch.zeros(3, 7, 4, dtype=torch.complex64)),
        ("layers.1.query", torch.zeros(2, 7, 4)),
        ("layers.1.key", torch.zeros(3, 7, 5)),
        ("layers.0.key", torch.zeros(3, 8, 4)),
        ("layers.0.value", torch.zeros(3, 7, 0)),
        ("layers.0.mask", torch.zeros(1, 7, 7, dtype=torch.int32)),
        ("layers.0.mask", torch.zeros(1, 1, 7, 7)),
        ("layers.0.mask", torch.zeros(2, 7, 7)),
        ("layers.0.mask", torch.zeros(0, 7, 7)),
        ("photo", torch.zeros(28, 42, 3)),
        ("photo", torch.zeros(28, 42, 4, dtype=torch.uint8)),
        ("photo", torch.zeros(28, 42, dtype=torch.uint8)),
        ("photo", torch.zeros(0, 42, 3, dtype=torch.uint8)),
        ("outputs.saliency", torch.zeros(28)),
        ("outputs.saliency", torch.zeros(28, 42, dtype=torch.int32)),
        ("outputs.saliency", torch.zeros(28, 42, dtype=torch.bfloat16)),
        ("outputs.embedding", torch.zeros(1, 2, 3)),
        ("outputs.similarity", torch.zeros(1)),
        ("outputs.norms", torch.zeros(1, 7)),
        ("outputs.else", torch.zeros(2, dtype=torch.bfloat16)),
        ("outputs.else", torch.zeros(2, dtype=torch.complex64)),
        ("outputs.else", torch.zeros(0, 10**9)),
        ("layers.2.query", torch.zeros(3, 7, 4)),
        ("layers.0.weights", torch.zeros(1)),
        ("", torch.zeros(1)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype} {[*value.shape]}",
)
def test_tensors_of_another_kind(path: Path, name: str, tensor: torch.Tensor) -> None:
    refusal(rewrite(path, {name: tensor}))


@pytest.mark.parametrize("number_format", [torch.int8, torch.bool, torch.complex64])
def test_queries_keys_and_values_all_of_one_wrong_format(path: Path, number_format: torch.dtype) -> None:
    refusal(rewrite(path, every_vector(torch.zeros(3, 7, 4, dtype=number_format))))


@pytest.mark.parametrize("shape", [(0, 7, 4), (3, 7, 0), (3, 7), (3, 7, 4, 1)])
def test_queries_keys_and_values_all_of_one_wrong_shape(path: Path, shape: tuple[int, ...]) -> None:
    refusal(rewrite(path, every_vector(torch.zeros(shape))))


def every_vector(tensor: torch.Tensor) -> dict[str, torch.Tensor]:
    return {f"layers.{number}.{name}": tensor.clone() for number in (0, 1) for name in ("query", "key", "value")}
