"""Hundreds of damaged recordings: each is refused in a sentence, or loads, and answers all that it can be asked."""

import itertools
import json
import math
import time
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from headlens.model.errors import RecordingError
from headlens.model.recording.recording import Recording
from tests.model.inputs.damage import damaged, seed_of_this_run
from tests.model.recording.files import parts_of, recording_of_a_photo
from tests.recordings import random_recording
from tests.sentences import is_one_sentence

COUNT = 1_200
SECONDS = 60  # of computing
NUMBERS = (-1, 0, 1, 2, 7, 2**31, 10**30, 0.5, -1e300, math.nan, math.inf)
VALUES: tuple[Any, ...] = (None, True, False, *NUMBERS, "", "a", "\ud800", [], {})
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool, torch.complex64)


def other_bytes(path: Path, random: Random) -> None:
    path.write_bytes(damaged(path.read_bytes(), random))


def other_metadata(path: Path, random: Random) -> None:
    """One to three values of the JSON replaced by others, dropped or doubled; or its text damaged."""
    tensors, metadata = parts_of(path)
    about = json.loads(metadata["recording"])
    for _ in range(random.randint(1, 3)):
        about = other_json(about, random)
    written = json.dumps(about)
    if random.random() < 0.2:
        written = damaged(written.encode(), random).decode(errors="replace")
    save_file(tensors, path, metadata=metadata | {"recording": written})


def other_json(value: Any, random: Random) -> Any:
    if not isinstance(value, list | dict) or not value or random.random() < 0.2:
        return random.choice((*VALUES, [value], [value, value], {"a": value}))
    place = random.choice([*value]) if isinstance(value, dict) else random.randrange(len(value))
    what = random.random()
    if what < 0.15:
        del value[place]
    elif what < 0.3 and isinstance(value, list):
        value.append(value[place])
    else:
        value[place] = other_json(value[place], random)
    return value


def other_tensors(path: Path, random: Random) -> None:
    """A tensor of another format or shape, or dropped, or one more."""
    tensors, metadata = parts_of(path)
    name = random.choice([*tensors])
    what = random.random()
    if what < 0.3:
        tensors[name] = tensors[name].to(random.choice(DTYPES))
    elif what < 0.8:
        shape = [random.choice((size, size, 0, 1, size + 1)) for size in tensors[name].shape]
        random.choice((shape.reverse, lambda: shape.append(1), lambda: shape and shape.pop(), lambda: None))()
        tensors[name] = torch.zeros(shape, dtype=tensors[name].dtype)
    elif what < 0.9:
        del tensors[name]
    else:
        tensors[random.choice(("outputs.x", "layers.2.query", "layers.0.mask", "photo", ""))] = torch.zeros(1, 7, 7)
    save_file(tensors, path, metadata=metadata)


def ask_everything(recording: Recording) -> None:
    heads, tokens = recording.num_heads, recording.num_tokens
    last = tokens - 1
    for layer in range(recording.num_layers):
        for ask in (recording.attention, recording.scores):
            assert ask(layer).shape == (heads, tokens, tokens)
            assert ask(layer, 0, last).shape == (tokens,)
        assert recording.log_sum_exp(layer).shape == (heads, tokens)
        assert recording.attention_to(layer, last).shape == (heads, tokens)
        for vectors in (recording.query, recording.key, recording.value):
            assert vectors(layer).shape[:2] == (heads, tokens)
            assert vectors(layer, 0).dtype in (np.float32, np.float64)
        mask = recording.mask(layer, 0)
        assert mask is None or mask.dtype == np.float32
    assert all(isinstance(token, str) for token in recording.tokens)
    assert len(recording.words) == len(recording.special) == len(recording.segments) == tokens
    if recording.grid is not None:
        assert min(recording.grid) > 0
        assert recording.prefix_tokens + math.prod(recording.grid) == tokens
    assert recording.nbytes > 0
    assert recording.model.name in repr(recording)


def test_damaged_recordings(tmp_path: Path) -> None:
    files = []
    for number, recording in enumerate((random_recording("causal and padding"), recording_of_a_photo())):
        recording.save(tmp_path / f"{number}")
        files.append((tmp_path / f"{number}").read_bytes())
    seed, path, loaded = seed_of_this_run(), tmp_path / "file.safetensors", 0
    started = time.process_time()
    ways = itertools.cycle(itertools.product((other_bytes, other_metadata, other_tensors), files))
    for number, (damage, content) in enumerate(itertools.islice(ways, COUNT)):
        path.write_bytes(content)
        damage(path, Random(f"{seed} {number}"))
        try:
            ask_everything(Recording.load(path))
            loaded += 1
        except Exception as error:
            if not isinstance(error, RecordingError) or not is_one_sentence(error):
                pytest.fail(f"HEADLENS_SEED={seed}, variant {number}: {error!r}")
    assert time.process_time() - started < SECONDS
    assert 0 < loaded < COUNT, f"HEADLENS_SEED={seed}"
