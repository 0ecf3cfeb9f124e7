"""Which models are held."""

import threading
from pathlib import Path
from typing import Any

import pytest

from headlens.model.errors import CheckpointError
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.runtime.models import ModelStore, size_of


def test_the_ones_used_last_are_held_up_to_the_bytes(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    both = size_of(minilm) + size_of(dinov2)
    assert size_of(minilm) == sum(p.numel() * 4 for p in minilm.network.parameters()) > 50_000_000
    store = ModelStore(both + size_of(minilm) - 1)
    assert store.get("a", lambda: minilm) is minilm
    assert store.get("b", lambda: dinov2) is dinov2
    assert store.get("a", never) is minilm  # now b is unused for longest
    assert store.get("c", lambda: minilm) is minilm
    assert store.held("b") is None
    assert store.held("a") is not None
    small = ModelStore(1)
    assert small.get("a", lambda: minilm) is minilm
    assert small.held("a") is minilm  # the newest, whatever its size
    small.clear()
    assert small.held("a") is None


def never() -> Any:
    raise AssertionError("it is held")


def test_who_asks_while_it_is_loaded_gets_the_same(minilm: EncoderTextModel) -> None:
    store, begun, go_on = ModelStore(10**12), threading.Event(), threading.Event()
    loads, found = [], []

    def load() -> Any:
        loads.append(1)
        begun.set()
        assert go_on.wait(5)
        return minilm

    threads = [threading.Thread(target=lambda: found.append(store.get("a", load))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    assert store.get("b", lambda: minilm) is minilm  # another does not wait for it
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert (loads, found) == ([1], [minilm] * 3)


def test_what_cannot_be_loaded_is_asked_for_again(minilm: EncoderTextModel, tmp_path: Path) -> None:
    store = ModelStore(10**12)

    def fail() -> Any:
        raise CheckpointError("It is damaged.")

    with pytest.raises(CheckpointError):
        store.get("a", fail)
    assert store.get("a", lambda: minilm) is minilm
