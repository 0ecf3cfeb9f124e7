"""Models and recordings behind the pages: loaded once, recorded once for each input, with progress."""

import gc
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from model import load_model
from model.nn.encoder import OnLayer
from model.recording import Recording
from viz.store import RecordingStore

SHOW_PROGRESS_AFTER = 0.4  # seconds; a bar that flashes by is only unrest


@dataclass(frozen=True)
class Recorded:
    """A recording and the key that stands for all that it was made from."""

    recording: Recording
    key: str


@st.cache_resource(show_spinner="Loading the model …")
def get_model(name: str):  # TextModel or ImageModel
    """The model, loaded once for all visitors. Raises CheckpointError."""
    model = load_model(name)
    gc.collect()
    gc.freeze()  # else every rerun's garbage collection walks through the model's objects again
    return model


@st.cache_resource
def _store() -> RecordingStore:
    return RecordingStore()


def record(model_name: str, parts: tuple[bytes, ...], options: str, run: Callable[[OnLayer], Recording]) -> Recorded:
    """The recording of an input, made by run unless it is kept already.

    Args:
        model_name: of the catalogue.
        parts: all bytes of the input; they, the model and the options are the key.
        options: whatever else changes the result.
        run: makes the recording, calling back after each layer.
    """
    digest = hashlib.sha256(f"{model_name}|{options}".encode())
    for part in parts:
        digest.update(hashlib.sha256(part).digest())
    key = digest.hexdigest()
    place = st.empty()  # also where nothing is to be done: what follows on the page must not move
    if (kept := _store().get(key)) is not None:
        return Recorded(kept, key)
    recording = run(_progress(place, get_model(model_name).num_layers))
    place.empty()
    _store().put(key, recording)
    return Recorded(recording, key)


def _progress(place, num_layers: int) -> OnLayer:
    """A bar in the place. Its st call is also where Streamlit stops a run whose visitor has moved on."""
    started = time.perf_counter()

    def on_layer(layer: int) -> None:
        if time.perf_counter() - started > SHOW_PROGRESS_AFTER:
            place.progress((layer + 1) / num_layers, f"Recording: layer {layer + 1} of {num_layers} done")

    return on_layer
