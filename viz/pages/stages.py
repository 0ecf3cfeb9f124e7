"""Which attention of a model that has several kinds is shown: the control, and the recording of it."""

import streamlit as st

from headlens.model.analysis.joint import joined
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.pages import parts
from headlens.viz.view.view import View

STAGES = {
    "encoder": "Read",
    "decoder": "Written",
    "cross": "From written to read",
    "vision": "Within the photo",
}


def pick_stage(page: str, recording: Recording, first: str) -> str:
    """Draw the control where there are several stages; give the one that the address asks for, or else the first."""
    if not recording.stages:
        return recording.stage
    names = [recording.stage, *recording.stages]
    asked = st.query_params.get("stage", first)
    st.session_state[f"{page}_stage"] = asked if asked in names else first
    picked = st.segmented_control(
        "Attention",
        names,
        key=f"{page}_stage",
        format_func=lambda name: "From the text" if page == "image" and name == "decoder" else STAGES[name],
        on_change=_take_stage,
        args=(page,),
        required=True,
        help="A model may attend in several places: within what it reads, within what it writes, from this to that, "
        "within a photo, or from a text to the photo before it.",
    )
    return str(picked)


def _take_stage(page: str) -> None:
    others = [name for name in st.query_params if name not in View.__dataclass_fields__]
    st.query_params.from_dict({**parts.only(*others), "stage": st.session_state[f"{page}_stage"]})


def entry_of(kept: RecordingEntry, stage: str) -> RecordingEntry:
    """The stage as a recording of its own; the other stage's tokens stand before its own where it looks at them."""
    if stage == kept.recording.stage:
        return kept
    return kept.derive(
        ("stage", stage), lambda: RecordingEntry(f"{kept.key}-{stage}", joined(kept.recording.of(stage)))
    )
