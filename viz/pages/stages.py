"""Which attention of a model that has several kinds is shown: the control, and the recording of it."""

from collections.abc import Mapping

import streamlit as st

from headlens.model.analysis.joint import joined
from headlens.model.recording.parts import Predicts
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.address import address_parts
from headlens.viz.view.address import PARAMETERS
from headlens.viz.view.visible import visible

TITLES = {
    "encoder": "Read",
    "decoder": "Written",
    "cross": "From written to read",
    "vision": "Within the photo",
}
OF_CAPTIONS = {
    "encoder": "Within photo and task",
    "decoder": "Within the text",
    "cross": "From the text to the photo",
}
OF_CHARACTERS = {"encoder": "Between groups", "characters": "Between characters"}
OF_SOUNDS = {"encoder": "Within the sound", "decoder": "Within the text", "cross": "From the text to the sound"}


def pick_stage(page: str, recording: Recording) -> str:
    """Draw the control where there are several stages; give the one that the address asks for.

    Where it asks for none, that is from what was written to what was read, where there is such a stage; of several
    choices the most probable; else the recording's own.

    Args:
        page: names the control, and the page's own part of the session.
        recording: that may have several stages.
    """
    if not recording.stages:
        return recording.stage
    names, first = [recording.stage, *recording.stages], _first(recording)
    stage = st.query_params.get("stage", first)
    st.session_state[f"{page}_stage"] = stage if stage in names else first
    return str(
        st.segmented_control(
            "Attention",
            names,
            key=f"{page}_stage",
            format_func=_titles(recording).__getitem__,
            on_change=_take_stage,
            args=(page,),
            required=True,
            help="A model may have several kinds of attention: within what it reads, within what it writes, from "
            "this to that, within a photo, or from a text to the photo before it; or one for each text to choose from.",
        )
    )


def _first(recording: Recording) -> str:
    if "cross" in recording.stages:
        return "cross"
    choices = _choices(recording)
    best = recording.predictions[0].candidates[0][0] if choices else None
    return next((name for name, text in choices.items() if text == best), recording.stage)


def _choices(recording: Recording) -> Mapping[str, str]:
    """The texts that a model chose from, by their stages; none of another model."""
    names = (recording.stage, *recording.stages)
    chose = any(prediction.of is Predicts.CHOICE for prediction in recording.predictions)
    return {name: recording.of(name).texts[-1] for name in names} if chose else {}


def _titles(recording: Recording) -> Mapping[str, str]:
    if choices := _choices(recording):
        return {name: f"{name.capitalize()}: {visible(text)}" for name, text in choices.items()}
    if recording.photo is None:
        return OF_CHARACTERS if "characters" in recording.stages else TITLES
    if recording.photo.picture == "spectrogram":
        return OF_SOUNDS
    return TITLES | (OF_CAPTIONS if "cross" in recording.stages else {"decoder": "From the text"})


def _take_stage(page: str) -> None:
    others = [name for name in st.query_params if name not in PARAMETERS]  # a stage has its own layers and heads
    st.query_params.from_dict({**address_parts(*others), "stage": st.session_state[f"{page}_stage"]})


def entry_of(entry: RecordingEntry, stage: str) -> RecordingEntry:
    """The stage as a recording of its own; the other stage's tokens stand before its own where it looks at them."""
    if stage == entry.recording.stage:
        return entry
    return entry.derive(
        ("stage", stage), lambda: RecordingEntry(f"{entry.id}-{stage}", joined(entry.recording.of(stage)))
    )
