"""Models and recordings behind the pages: loaded once, recorded once for each input, in turn, with progress."""

import gc
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
import torch
from streamlit.delta_generator import DeltaGenerator

from headlens.model import load_model
from headlens.model.device import parallel_runs, pick_device
from headlens.model.errors import CheckpointError, InputError
from headlens.model.load import HUB_ID, Model
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import open_folder
from headlens.model.runtime.limits import models_bytes, store_bytes
from headlens.model.runtime.memory import FreedMemory
from headlens.model.runtime.models import ModelStore
from headlens.model.runtime.queue import WorkQueue
from headlens.model.runtime.recordings import RecordingEntry, RecordingStore, Visitor

FIRST_TIME = {"smollm2-135m": "Loading the model (the first time ever takes some 20 seconds) …"}
SHOW_PROGRESS_AFTER = 0.4  # seconds; a bar that flashes by is only unrest


@st.cache_resource
def _models() -> ModelStore:
    return ModelStore(models_bytes())


def get_model(name: str) -> Any:  # a Model; its page knows of which kind
    """A model of the catalogue, of a folder or of the Hub, loaded once for all visitors. Raises CheckpointError."""

    def load() -> Model:
        with st.spinner(FIRST_TIME.get(name, "Loading the model …")):
            model = load_model(name) if name in CATALOGUE else _load_own(name)
        gc.collect()
        gc.freeze()  # else every rerun's garbage collection walks through the model's objects again
        gc.collect()  # a full collection waits until a quarter as much is new as the last one left: now that is little
        return model

    return _models().get(identity(name), load)


def _load_own(name: str) -> Model:
    """What is opened is what was allowed: the folder that a name was resolved to, or the one that was downloaded."""
    from headlens.model.huggingface.load.folder import load_folder  # it takes seconds

    folder = fetch(name) if is_hub(name) else open_folder(name)
    return load_folder(folder, name, pick_device(), torch.float32)


def is_hub(name: str) -> bool:
    """Whether a name is meant as an id of the Hub: a folder of that name comes first."""
    try:
        open_folder(name)
    except InputError:
        return HUB_ID.fullmatch(name) is not None
    return False


def identity(name: str) -> str:
    """The name, and for a folder when it was last written: another checkpoint in it is another model."""
    if name in CATALOGUE or is_hub(name):
        return name
    folder = open_folder(name)
    return f"{name}|{max((path.stat().st_mtime_ns for path in folder.iterdir()), default=0)}"


def fetch(name: str, weights: bool = True) -> Path:
    """Download from the Hub, with progress; whoever leaves stops it. Raises CheckpointError."""
    from headlens.model.huggingface.load.hub import download  # it takes a second

    done, left, found = [0, 0], threading.Event(), list[Path | CheckpointError]()

    def run_with_hooks(now: int, total: int) -> None:
        done[:] = now, total
        if left.is_set():
            raise InterruptedError

    def work() -> None:
        try:
            found.append(download(name, run_with_hooks, weights))
        except CheckpointError as error:
            found.append(error)

    place, thread = st.empty(), threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            share = done[0] / done[1] if done[1] else 0.0
            place.progress(min(1.0, share), f"Downloading {name}: {done[0] / 1e6:,.0f} of {done[1] / 1e6:,.0f} MB")
            thread.join(0.3)
    finally:
        left.set()
    place.empty()
    if isinstance(found[0], CheckpointError):
        raise found[0]
    return found[0]


@st.cache_resource
def _store() -> RecordingStore:
    return RecordingStore(store_bytes(), FreedMemory().add)


@st.cache_resource
def _queue() -> WorkQueue:
    return WorkQueue(parallel_runs(pick_device()))


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda visitor: _store().forget(visitor))
def _visitor() -> Visitor:
    """The open tab; when it is closed, what was its own is dropped."""
    return Visitor()


@dataclass(frozen=True)
class RecordingRequest:
    """A recording by its key; a page holds this, so that the store alone decides what stays in memory."""

    id: str
    model_name: str
    run: Callable[[OnLayer], Recording]
    sample: bool

    def entry(self) -> RecordingEntry:
        """The recording, made (again) where it is not kept. Raises what the run raises."""
        place = st.empty()  # also where nothing is to be done: what follows on the page must not move
        visitor = None if self.sample else _visitor()  # asked each time: a tab whose connection was lost is another
        if (kept := _store().get(self.id, visitor)) is not None:
            return kept
        num_layers = get_model(self.model_name).num_layers
        with working(place, "Recording", num_layers) as on_layer:
            if (kept := _store().get(self.id, visitor)) is None:  # while this one waited, another may have made it
                kept = _store().put(self.id, self.run(on_layer), visitor)
        return kept


def record(
    model_name: str, parts: tuple[bytes, ...], options: str, run: Callable[[OnLayer], Recording], sample: bool = False
) -> RecordingRequest:
    """An input's recording, made by run unless it is kept already. Raises what the run raises.

    Args:
        model_name: as `get_model` takes it.
        parts: all bytes of the input; they, the model and the options are the key.
        options: whatever else changes the result.
        run: makes the recording, calling back after each layer.
        sample: whether the input is everybody's; any other goes when its visitors have gone.
    """
    digest = hashlib.sha256(f"{identity(model_name)}|{options}".encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    recorded = RecordingRequest(digest.hexdigest(), model_name, run, sample)
    recorded.entry()
    return recorded


@contextmanager
def working(place: DeltaGenerator, what: str, num_layers: int, part: str = "layer") -> Iterator[OnLayer]:
    """Heavy work, let in by the gate; the place shows who is before, then the progress that the caller tells by layer.

    The st calls in it are also where Streamlit stops a run whose visitor has moved on.
    """
    started = time.perf_counter()

    def wait(before: int) -> None:
        others = "1 other is" if before == 1 else f"{before} others are"
        place.progress(0.0, f"Waiting: {others} before you")

    def on_layer(layer: int) -> None:
        if time.perf_counter() - started > SHOW_PROGRESS_AFTER:
            place.progress((layer + 1) / num_layers, f"{what}: {part} {layer + 1} of {num_layers} done")

    with _queue().enter(wait):
        yield on_layer
    place.empty()
