"""The runtime that all pages share, its progress drawn on the page: what is bound to Streamlit, and nothing else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.pretrained.registry import loading_note
from headlens.model.progress import OnLayer
from headlens.model.protocol import Model
from headlens.model.recording.recording import Recording
from headlens.model.runtime.opening import open_base
from headlens.model.runtime.queue import WorkQueue
from headlens.model.runtime.recordings import RecordingEntry, Visitor
from headlens.model.runtime.runtime import Request, Runtime
from headlens.viz.theme import THEMES, Theme

if TYPE_CHECKING:
    from headlens.model.huggingface.load.adapter import Adapter

SHOW_PROGRESS_AFTER = 0.4  # seconds; a bar that flashes by is only unrest


@st.cache_resource
def shared() -> Runtime:
    """What is held for all visitors."""
    return Runtime()


@st.cache_resource(scope="session", show_spinner=False, on_release=lambda visitor: shared().recordings.forget(visitor))
def _visitor() -> Visitor:
    """The open tab; when it is closed, what was its own is dropped."""
    return Visitor()


def current_theme() -> Theme:
    """The look that the visitor's page has now."""
    return THEMES.get(st.context.theme.type or "light", THEMES["light"])


def get_model(name: str) -> Model:
    """A model of the catalogue, of a folder or of the Hub, loaded once for all visitors.

    Raises InputError for a folder that may not be opened, CheckpointError for what cannot be loaded.
    """
    if (model := shared().held_model(name)) is not None:
        return model
    with st.spinner(loading_note(name)), _download_bar(name) as on_bytes:
        return shared().model(name, on_bytes)


def fetch(name: str, weights: bool = True) -> Path:
    """Download from the Hub, with progress; whoever leaves stops it. Raises CheckpointError."""
    with _download_bar(name) as on_bytes:
        return shared().fetch(name, on_bytes, weights)


def fetch_base(adapter: "Adapter") -> Path:
    """The folder of an adapter's base; of the Hub, without its weights. Raises CheckpointError."""
    with _download_bar(adapter.base) as on_bytes:
        return open_base(adapter, on_bytes, weights=False)


@contextmanager
def _download_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    slot: DeltaGenerator | None = None  # until something is downloaded

    def on_bytes(now: int, total: int) -> None:
        nonlocal slot
        if slot is None:
            slot = st.empty()
        share = min(1.0, now / total) if total > 0 else 0.0
        slot.progress(share, f"Downloading {name}: {now / 1e6:,.0f} of {total / 1e6:,.0f} MB")

    yield on_bytes
    if slot is not None:
        slot.empty()


class RecordingRequest(Request):
    """A recording by its id, as a page holds it."""

    def entry(self) -> RecordingEntry:
        """The recording, made (again) where it is not kept. Raises what the run raises."""
        place = st.empty()  # also where nothing is to be done: what follows on the page must not move
        visitor = (
            None if self.sample else _visitor()
        )  # looked up each time: a tab that has connected again is a new visitor
        if (entry := shared().held_entry(self, visitor)) is not None:
            return entry
        with place.container():  # what the run draws too: a fragment that records again draws inside of itself alone
            bar = _WorkBar(st.empty(), "Recording", get_model(self.model_name).num_layers)
            entry = shared().record(self, visitor, on_wait=bar.on_wait, on_layer=bar.on_layer)
        place.empty()
        return entry


def record(
    model_name: str,
    parts: tuple[bytes, ...],
    options: str,
    *,
    run: Callable[[OnLayer], Recording],
    sample: bool = False,
) -> RecordingRequest:
    """An input's recording, made by run unless it is kept already. Raises what the run raises.

    Args:
        model_name: as `get_model` takes it.
        parts: all bytes of the input; they, the model and the options are the id.
        options: whatever else changes the result.
        run: makes the recording, calling back after each layer; what it draws of how far it is goes when it ends.
        sample: whether the input is everybody's; any other goes when its visitors have gone.
    """
    request = RecordingRequest(shared().request_id(model_name, parts, options), model_name, run, sample)
    request.entry()
    return request


class _WorkBar:
    """What a page shows of heavy work: who is before, then the progress by layer.

    The st calls are also where Streamlit stops a run whose visitor has moved on.
    """

    def __init__(self, slot: DeltaGenerator, what: str, num_layers: int, *, part: str = "layer") -> None:
        self._slot, self._what, self._num_layers, self._part = slot, what, num_layers, part
        self._started = time.perf_counter()

    def on_wait(self, before: int) -> None:
        others = "1 other is" if before == 1 else f"{before} others are"
        self._slot.progress(0.0, f"Waiting: {others} before you")

    def on_step(self, done: int, total: int) -> None:
        self._num_layers = max(1, total)
        self.on_layer(done - 1)

    def on_layer(self, layer: int) -> None:
        if time.perf_counter() - self._started > SHOW_PROGRESS_AFTER:
            share = (layer + 1) / self._num_layers
            self._slot.progress(share, f"{self._what}: {self._part} {layer + 1:,} of {self._num_layers:,} done")


@contextmanager
def stepping(
    what: str, *, part: str = "run", queue: WorkQueue | None = None, show_time: bool = False
) -> Iterator[Callable[[int, int], None]]:
    """Heavy work in its turn, which tells how many of its parts are done, and of how many.

    Args:
        what: it is.
        part: what one of its parts is called.
        queue: that it waits in; None: the one of all recordings.
        show_time: also how long it has taken.
    """
    slot = st.empty()
    bar = _WorkBar(slot, what, 1, part=part)
    queue = shared().queue if queue is None else queue
    with queue.enter(bar.on_wait), st.spinner(what, show_time=show_time):  # of what tells no steps
        yield bar.on_step
    slot.empty()


@contextmanager
def working(slot: DeltaGenerator, what: str, num_layers: int, *, part: str = "layer") -> Iterator[OnLayer]:
    """Heavy work in its turn; the slot shows who is before, then the progress that the caller tells by layer."""
    bar = _WorkBar(slot, what, num_layers, part=part)
    with shared().queue.enter(bar.on_wait):
        yield bar.on_layer
    slot.empty()
