"""Recordings' files changed by hand, and what loading says to them."""

import json
import struct
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from headlens.model.errors import RecordingError
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from tests.recordings import random_recording
from tests.sentences import is_one_sentence


def recording_of_a_photo() -> Recording:
    """With a mask, and outputs."""
    photo = Photo(np.zeros((28, 42, 3), np.uint8), 1.5, (2, 3))
    outputs = {"saliency": np.zeros((28, 42), np.float32), "embedding": np.zeros(4, np.float32)}
    return replace(random_recording("per-head additive"), photo=photo, prefix_tokens=1, outputs=outputs)


def parts_of(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """The tensors and the metadata of a file."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118  # it is no dict


def rewrite(path: Path, tensors: dict[str, torch.Tensor] | None = None, **parts: object) -> Path:
    """The same file with other tensors and other parts of what it says of itself."""
    kept, metadata = parts_of(path)
    about = json.dumps(json.loads(metadata["recording"]) | parts)
    save_file(kept | (tensors or {}), path, metadata=metadata | {"recording": about})
    return path


def with_header(content: bytes, length: int | None = None) -> bytes:
    """A file that is all header, of the length that it says, or says another."""
    return struct.pack("<Q", len(content) if length is None else length) + content


def refusal(path: Path) -> str:
    """Within a second of computing and 100 MB."""
    tracemalloc.start()
    started = time.thread_time()
    try:
        with pytest.raises(RecordingError) as caught:
            Recording.load(path)
        assert time.thread_time() - started < 1
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert is_one_sentence(caught.value)
    return str(caught.value)
