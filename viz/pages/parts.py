"""Pieces that the pages are built from."""

import re

import streamlit as st

from headlens.model.pretrained.registry import Checkpoint
from headlens.model.recording.recording import Recording
from headlens.viz.theme import THEMES, Theme


def current_theme() -> Theme:
    """The look that the visitor's page has now."""
    return THEMES.get(st.context.theme.type or "light", THEMES["light"])


def keep_address(page: str) -> None:
    """A visitor who comes back to a page finds it as it was left, though Streamlit empties the address in between."""
    state = st.session_state
    if state.get("page") != page:
        state.page = page
        if not st.query_params:
            st.query_params.from_dict(state.get(f"{page}_address", {}))
    state[f"{page}_address"] = st.query_params.to_dict()


def plain(text: str) -> str:
    """Text as it is, where Streamlit would read Markdown, formulas and addresses in it: it may be a stranger's."""
    return re.sub(r"([\\`*_\[\]()<>#+!|~$:{}&])", r"\\\1", text).replace("://", ":\u2060//").replace("//", "/\u2060/")


def only(*names: str) -> dict[str, str]:
    """These parts of the address, where they are in it."""
    return {name: st.query_params[name] for name in names if name in st.query_params}


def model_line(recording: Recording) -> None:
    """Which model, where, how fast: one quiet line."""
    seconds = recording.seconds
    took = f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    st.caption(
        f"{plain(recording.model.title)} · {recording.num_layers} layers × {recording.num_heads} heads · "
        f"{recording.num_tokens:,} tokens · {recording.device.upper()} · {took}"
    )


def about(recording: Recording) -> None:
    """How the picture was computed, and how to take it away; folded."""
    model = recording.model
    source = f" Source: {model.source}." if isinstance(model, Checkpoint) else ""
    exact = recording.notes.get("exact")
    with st.expander("How this was computed"):
        st.text(f"Model: {model.title}, by {model.authors}. Licence: {model.licence}.{source}")
        st.markdown(
            f"The model ran once on this input, on {recording.device}, in {recording.seconds:.2f} s, with its fused "
            "attention untouched. Each layer's queries and keys were kept, and every weight you see is "
            "softmax(q·kᵀ / √d) of them (Vaswani et al. 2017, equation 1)."
            + (f"\n\n{exact[0].upper()}{exact[1:]}." if exact else "")
        )
