"""All heads in a plane by how alike they look on this input; pressing a point pins the head."""

import numpy as np
import streamlit as st

from headlens.model.comparison.head_map import can_lay_out, compared_queries, head_divergences, lay_out
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.figures.head_map import head_map
from headlens.viz.inputs.heads import Head, write_head
from headlens.viz.pages.parts import draw_heads
from headlens.viz.pages.runtime import current_theme, stepping, working
from headlens.viz.pages.switches import switch
from headlens.viz.view.derived import recorded_roles, role_sums
from headlens.viz.view.view import View

HELP = (
    "All heads of the model as points: two that give their weight to the same tokens of this input lie close together, "
    "whatever their layer (Clark et al. 2019, section 6). Press one to look through it."
)
INSTALL = 'The map needs scikit-learn: `pip install -e ".[map]"`, then start the app again.'


def show_head_map(entry: RecordingEntry, view: View) -> None:
    """The switch that asks for it, and the map."""
    recording = entry.recording
    if recording.num_layers * recording.num_heads < 3 or not switch("head", "map", "Map of all heads", HELP):
        return
    if not can_lay_out():
        st.info(INSTALL)
        return
    figure = head_map(
        entry.derive("head map", lambda: _places(recording)),
        recording.num_heads,
        _called(entry),
        pinned=(view.layer, view.head) if view.scope == "head" else None,
        theme=current_theme(),
    )
    draw_heads(
        figure,
        "head_map",
        _pin,
        alt="All heads as points: those that look alike on this input lie close together, coloured by their roles.",
    )
    st.caption(
        "Distances are the Jensen–Shannon divergence of two heads' rows, the mean over "
        f"{len(compared_queries(recording)):,} of {recording.num_tokens:,} positions, as well as a plane can hold them "
        "(metric multidimensional scaling); directions mean nothing. Press a point to look through that head."
    )


def _places(recording: Recording) -> np.ndarray:
    with stepping("Comparing all heads with each other", part="head") as on_step:
        return lay_out(head_divergences(recording, on_step))


def _called(entry: RecordingEntry) -> list[str]:
    """The role of each head, empty where none stands out."""
    slot = st.empty()
    sums = role_sums(entry, lambda what, layers: working(slot, what, layers))
    named = recorded_roles(entry).called(sums)
    return [each.role.name if each is not None and each.stands_out else "" for each in named]


def _pin(head: Head) -> None:
    write_head(head)
    st.query_params["of"] = "head"
