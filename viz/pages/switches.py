"""Switches that stay in the address; two above the explorer merge tokens into words and leave out special ones."""

import numpy as np
import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.messages import plain
from headlens.viz.view import words

NAMED = 3  # of what is left out


def switched(page: str, entry: RecordingEntry) -> RecordingEntry:
    """Draw the switches that the recording has a use for; give what they make of it, a recording of its own.

    Special tokens are left out before tokens are merged. Both are in the address, and off where that says nothing.

    Args:
        page: names the switches.
        entry: what there is to show.
    """
    recording = entry.recording
    with st.container(horizontal=True, vertical_alignment="center"):
        merged = any(word is not None for word in recording.words) and switch(
            page,
            "words",
            "Words",
            "Merges tokens into words: the weight to a word is the sum over its tokens, the weight from it the mean "
            "over them (Clark et al. 2019). Special tokens, and what belongs to no word, stay as they are.",
        )
        left_out = bool(recording.special.any()) and switch(
            page,
            "nospecial",
            "Leave out special tokens",
            "Takes special tokens, on which heads often rest, out of what is looked at; the weights of the rest are "
            "scaled to sum to one. They still look themselves. The first token of a language model counts as special, "
            "whatever it is, for heads rest on it (Xiao et al. 2024).",
        )
        if left_out:
            st.caption(
                f"Left out: {plain(_left_out(recording))}. What is left sums to one again; what had looked at nothing "
                "else is hatched, and is no part of a mean over several."
            )
    if not merged and not left_out:
        return entry
    return entry.derive(("switched", merged, left_out), lambda: _made(entry, merged, left_out))


def switch(page: str, name: str, label: str, about: str) -> bool:
    """Draw a switch that stays in the address, and give whether it is on; about says what it does."""
    key = f"{page}_{name}"
    st.session_state[key] = on = st.query_params.get(name) == "1"

    def keep() -> None:
        if st.session_state[key]:
            st.query_params[name] = "1"
        else:
            st.query_params.pop(name, None)

    st.toggle(label, key=key, on_change=keep, help=about)
    return on


def _left_out(recording: Recording) -> str:
    """[CLS], [SEP], and how many more there are."""
    names = list(dict.fromkeys(words.name_of(recording, int(at)) for at in np.flatnonzero(recording.special)))
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _made(entry: RecordingEntry, merged: bool, left_out: bool) -> RecordingEntry:
    recording = entry.recording.without_special() if left_out else entry.recording
    recording = recording.merged("words") if merged else recording
    return RecordingEntry(f"{entry.id}{'-nospecial' * left_out}{'-words' * merged}", recording)
