"""Which attention of a model that has several kinds is shown: the control, and the recording of it."""

from collections.abc import Mapping

import streamlit as st

from headlens.model.analysis.joint import joined
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.address import address_parts
from headlens.viz.view.address import PARAMETERS

TITLES = {
    "encoder": "Read",
    "decoder": "Written",
    "cross": "From written to read",
    "vision": "Within the photo",
}


def pick_stage(page: str, recording: Recording, first: str, *, titles: Mapping[str, str] | None = None) -> str:
    """Draw the control where there are several stages; give the one that the address asks for, or else the first.

    Args:
        page: names the control, and the page's own part of the session.
        recording: that may have several stages.
        first: the stage where the address names none.
        titles: what the page calls a stage, where that is not in TITLES.
    """
    if not recording.stages:
        return recording.stage
    names, shown_as = [recording.stage, *recording.stages], {**TITLES, **(titles or {})}
    stage = st.query_params.get("stage", first)
    st.session_state[f"{page}_stage"] = stage if stage in names else first
    return str(
        st.segmented_control(
            "Attention",
            names,
            key=f"{page}_stage",
            format_func=lambda name: shown_as.get(name, name.capitalize()),
            on_change=_take_stage,
            args=(page,),
            required=True,
            help="A model may have several kinds of attention: within what it reads, within what it writes, from "
            "this to that, within a photo, or from a text to the photo before it; or one for each text to choose from.",
        )
    )


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
