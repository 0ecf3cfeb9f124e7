"""Files that say they are recordings and are none: refused in a sentence, and before anything is made of their size."""

import json
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.errors import RecordingError
from headlens.model.recording.file import FORMAT
from headlens.model.recording.header import MAX_HEADER
from headlens.model.recording.recording import Recording
from tests.model.recording.files import recording_of_a_photo, refusal, with_header
from tests.sentences import is_one_sentence


@pytest.fixture
def path(tmp_path: Path) -> Path:
    recording_of_a_photo().save(tmp_path / "file.safetensors")
    return tmp_path / "file.safetensors"


def test_what_is_no_file(tmp_path: Path, path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "loose link").symlink_to(tmp_path / "nothing")
    for place in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        assert "is not a file" in refusal(place)
    for place in (tmp_path / "loose link", tmp_path / "a\0b", tmp_path / ("x" * 5000), tmp_path / "a\nb"):
        assert "There is no file" in refusal(place)
    assert Recording.load(tmp_path / "link").num_tokens == 7


def nested(depth: int) -> bytes:
    metadata = {"format": FORMAT, "recording": "[" * depth + "]" * depth}
    return with_header(json.dumps({"__metadata__": metadata}).encode())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(with_header(b"{}", 2**63), id="a header longer than anything"),
        pytest.param(with_header(b"{}", 3), id="a header longer than the file"),
        pytest.param(with_header(b"[" * 100_000), id="JSON without end"),
        pytest.param(with_header(b'{"x": 1}'), id="JSON of something else"),
        pytest.param(nested(100_000), id="JSON a hundred thousand levels deep"),
        pytest.param(with_header(b'{"__metadata__": {"format": "' + FORMAT.encode() + b'"}}'), id="a format alone"),
        pytest.param(b"\x80\x04}\x8c\x06layersK\x01s.", id="a pickle"),
        pytest.param(b"\x00", id="one byte"),
    ],
)
def test_headers(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    assert "is damaged" in refusal(path)


def test_a_checkpoint_under_another_name(path: Path) -> None:
    torch.save({"layers": torch.zeros(3)}, path)
    assert "is damaged" in refusal(path)


def test_a_header_of_a_hundred_million_bytes(path: Path) -> None:
    path.write_bytes(with_header(b'{"__metadata__": {"a": "' + b"x" * 100_000_000 + b'"}}'))
    assert f"{MAX_HEADER:,}" in refusal(path)


def sparse(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The header changed; behind it as many bytes as it says, none of them on the disk."""
    content = path.read_bytes()
    length = 8 + struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:length])
    change(header)
    place = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            size = int(np.prod(tensor["shape"], dtype=object)) * {"F32": 4, "U8": 1}[tensor["dtype"]]
            tensor["data_offsets"] = [place, place := place + size]
    written = with_header(json.dumps(header).encode())
    path.write_bytes(written)
    os.truncate(path, len(written) + place)


def test_more_bytes_than_can_be_wanted(path: Path) -> None:
    sparse(path, lambda header: header["outputs.saliency"].update(shape=[100_000, 50_000]))
    assert "more than 16,000,000,000" in refusal(path)


def test_large_tensors_of_a_wrong_kind_are_not_read(path: Path) -> None:
    sparse(path, lambda header: header["layers.1.key"].update(shape=[3, 7, 100_000_000]))
    assert "layers.1.key" in refusal(path)


def test_twelve_thousand_million_tokens_in_tensors_without_width(path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        for name in header.keys() - {"__metadata__"}:
            header[name]["shape"] = [1, 12 * 10**9, 0]

    sparse(path, change)
    assert "7, d_head" in refusal(path)


def test_what_is_refused_when_it_is_read_is_not_written(tmp_path: Path) -> None:
    recording = recording_of_a_photo()
    for change in ({"seconds": float("nan")}, {"texts": ("a", "b", "c")}, {"prefix_tokens": -1}):
        with pytest.raises(RecordingError) as caught:
            replace(recording, **change).save(tmp_path / "file.safetensors")
        assert is_one_sentence(caught.value)
    assert not any(tmp_path.iterdir())
