"""A Recording written and read again is the same; anything else is refused with a sentence."""

import dataclasses
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from headlens.model.errors import DeviceError, RecordingError
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.parts import Photo, Unit
from headlens.model.recording.recording import Recording
from tests.masks import KINDS
from tests.recordings import random_recording
from tests.sentences import is_one_sentence


def assert_same(one: object, other: object) -> None:
    """Down to the number formats and the last bit."""
    if dataclasses.is_dataclass(one) and dataclasses.is_dataclass(other):
        assert type(one) is type(other)
        for part in dataclasses.fields(one):
            assert_same(getattr(one, part.name), getattr(other, part.name))
    elif isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, tuple) and isinstance(other, tuple):
        assert type(one) is type(other)
        assert len(one) == len(other)
        for this, that in zip(one, other):
            assert_same(this, that)
    elif isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for name in one:
            assert_same(one[name], other[name])
    else:
        assert one == other


def there_and_back(recording: Recording, folder: Path) -> Recording:
    path = folder / "a recording.safetensors"
    recording.save(path)
    return Recording.load(path)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    num_tokens = draw(st.integers(1, 6))
    recording = random_recording(
        draw(st.sampled_from(KINDS)),
        num_layers=draw(st.integers(1, 3)),
        num_heads=draw(st.integers(1, 3)),
        num_tokens=num_tokens,
        d_head=draw(st.integers(1, 5)),
        dtype=draw(st.sampled_from([torch.float32, torch.bfloat16, torch.float16, torch.float64])),
    )

    def each(strategy: st.SearchStrategy) -> tuple:
        return draw(st.tuples(*[strategy] * num_tokens))

    characters = st.text(st.characters(), max_size=5)
    place = st.tuples(st.integers(0, 9), st.integers(0, 9))
    photo = Photo(np.full((3, 2, 3), 7, np.uint8), draw(st.floats(0.25, 4)), (1, num_tokens))
    return dataclasses.replace(
        recording,
        tokens=each(characters),
        words=each(st.none() | st.integers(0, 5)),
        special=np.array(each(st.booleans())),
        segments=each(st.integers(0, 1)),
        offsets=draw(st.just(())) if draw(st.booleans()) else each(st.none() | place),
        texts=tuple(draw(st.lists(characters, max_size=2))),
        photo=photo if draw(st.booleans()) else None,
        outputs={
            draw(st.text(max_size=5)): np.array(0.5, np.float32),
            "matrix": np.eye(3),
            "of whole numbers": np.arange(3),
        },
        notes=draw(st.dictionaries(characters, characters, max_size=2)),
        seconds=draw(st.floats(0, 100)),
        model=dataclasses.replace(recording.model, title=draw(characters)),
        unit=draw(st.sampled_from(get_args(Unit))),
    )


@settings(max_examples=80, deadline=None)
@given(recording=recordings())
def test_any_recording(recording: Recording) -> None:
    with tempfile.TemporaryDirectory() as folder:
        loaded = there_and_back(recording, Path(folder))
    assert_same(loaded, recording)
    np.testing.assert_allclose(loaded.attention(0), recording.attention(0), atol=1e-6, rtol=0)


def test_the_real_models(
    minilm: EncoderTextModel, dinov2: EncoderImageModel, sample_photo: Callable[[str], Path], tmp_path: Path
) -> None:
    for recording in (minilm.record(("One text.", "Another 😀 text.")), dinov2.record(sample_photo("coffee"), 224)):
        loaded = there_and_back(recording, tmp_path)
        assert loaded.model.title == recording.model.title
        described = dataclasses.replace(recording, model=loaded.model)  # a Checkpoint comes back as its Description
        assert_same(loaded, described)
        np.testing.assert_allclose(loaded.attention(5, 3), recording.attention(5, 3), atol=1e-6, rtol=0)


def refusal(path: Path, device: str = "cpu") -> str:
    with pytest.raises(RecordingError) as caught:
        Recording.load(path, device)
    assert is_one_sentence(caught.value)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no file" in refusal(tmp_path / "nothing.safetensors")


def test_a_folder(tmp_path: Path) -> None:
    refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"words", b"\x80\x04." * 50, bytes(64), b"\xff" * 64])
def test_what_is_no_recording(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    refusal(path)


def test_tensors_of_something_else(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(3)}, tmp_path / "file.safetensors")
    assert "not a Headlens recording" in refusal(tmp_path / "file.safetensors")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_file(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    random_recording().save(path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "damage",
    [
        {"tokens": None},
        {"tokens": ["a"]},
        {"layers": []},
        {"layers": [{"causal": False}]},
        {"model": {"name": "alone"}},
        {"model": 3},
        {"offsets": [[1]] * 7},
        {"photo": {"aspect": 1.0, "grid": [7]}},
        {"special": [True]},
    ],
    ids=str,
)
def test_metadata_that_says_something_else(damage: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    random_recording().save(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
    about = json.loads(metadata["recording"]) | damage
    save_file(tensors, path, metadata=metadata | {"recording": json.dumps(about)})
    with pytest.raises(RecordingError) as caught:
        Recording.load(path)
    assert is_one_sentence(caught.value)


def test_an_unknown_device(tmp_path: Path) -> None:
    random_recording().save(tmp_path / "file.safetensors")
    with pytest.raises(DeviceError, match="'tpu'"):
        Recording.load(tmp_path / "file.safetensors", "tpu")


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    random_recording(num_tokens=9).save(path)
    random_recording(num_tokens=5).save(str(path))
    assert Recording.load(str(path)).num_tokens == 5
