"""Pieces that both pages are built from."""

import html

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from model.analysis.heads import strongest
from model.recording import Recording
from viz import wording
from viz.figures import strongest_bars
from viz.panels.recorder import get_model
from viz.theme import THEMES, Theme


def current_theme() -> Theme:
    """The look that the visitor's page has now."""
    return THEMES.get(st.context.theme.type or "light", THEMES["light"])


def pick_head(page: str, recording: Recording, layer: int, head: int) -> tuple[int, int]:
    """Two rows of buttons for layer and head, kept in the address; the numbers given are where they start."""
    with st.container(horizontal=True, key=f"{page}_heads"):
        picked_layer = st.segmented_control(
            "Layer",
            range(recording.num_layers),
            default=layer,
            required=True,
            key=f"{page}_layer",
            wrap=True,
            bind="query-params",
            help="Layers run one after the other: 0 reads the input itself, each later one what the last one made.",
        )
        picked_head = st.segmented_control(
            "Head",
            range(recording.num_heads),
            default=head,
            required=True,
            key=f"{page}_head",
            wrap=True,
            bind="query-params",
            help="The heads of a layer look at the same moment, each by queries and keys of its own.",
        )
    # An address may name neither: ?text_head= is no head at all.
    return layer if picked_layer is None else picked_layer, head if picked_head is None else picked_head


def show_figure(figure: go.Figure, key: str, alt: str, name: str, aspect: float | None = None) -> None:
    """A figure whose mode bar saves it, as SVG or as PNG at twice its size.

    Args:
        figure: what to draw.
        key: of the element, and of the box around it.
        alt: what it shows, for a screen reader.
        name: of the file that the mode bar saves.
        aspect: width / height, kept at any width of the page; the figure's own height when None.
    """
    image = {"format": st.session_state.get("export", "PNG").lower(), "scale": 2, "filename": name}
    config = {"displaylogo": False, "toImageButtonOptions": image}
    if aspect is None:
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt)
        return
    box = f"{key}_box"
    st.html(f"<style>.st-key-{box} {{ aspect-ratio: {aspect:.4f} }}</style>")
    with st.container(key=box, height="stretch"):
        st.plotly_chart(figure, key=key, theme=None, config=config, alt=alt, height="stretch")


def sentence(recording: Recording, layer: int, head: int, query: int) -> None:
    """The picture read out, and how much rests on special tokens."""
    weights = recording.attention(layer, head, query)
    title = html.escape(wording.headline(recording, layer, head, query))
    found, special = (
        html.escape(words(recording, weights)).replace(" %", "&nbsp;%")
        for words in (wording.targets, wording.special_share)
    )
    why = html.escape(wording.why_special(recording, weights))
    st.html(f'<div class="headline"><b>{title}:</b> {found} <small>({special}) {why}</small></div>')


def head_in_words(recording: Recording, layer: int, head: int, query: int) -> None:
    """One paragraph on the head."""
    st.markdown("**This head, in words**")
    st.html(f"<p>{html.escape(wording.head_in_words(recording, layer, head, query))}</p>")


def strongest_weights(page: str, recording: Recording, weights: np.ndarray, count: int) -> None:
    """The largest of one query's weights [key], as bars."""
    pairs = strongest(weights, count)
    names = [wording.name_of(recording, key) for key, _ in pairs]
    bars = strongest_bars(names, np.array([weight for _, weight in pairs]), current_theme())
    show_figure(bars, f"{page}_bars", "The strongest weights of this query", f"headlens-{page}-strongest")


def model_line(recording: Recording) -> None:
    """Which model, where, how fast: one quiet line."""
    seconds = recording.seconds
    took = f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    st.caption(
        f"{recording.model.title} · {recording.num_layers} layers × {recording.num_heads} heads · "
        f"{recording.num_tokens:,} tokens · {recording.device.upper()} · {took}"
    )


def about(recording: Recording) -> None:
    """How the picture was computed, and how to take it away; folded."""
    checkpoint = get_model(recording.model.name).description
    with st.expander("How this was computed, and how to take it away"):
        st.markdown(
            f"**Model** {checkpoint.title}, by {checkpoint.authors}. Licence: {checkpoint.licence}. "
            f"Source: {checkpoint.source}.\n\n"
            f"The model ran once on this input, on {recording.device}, in {recording.seconds:.2f} s, with its fused "
            "attention untouched. Each layer's queries and keys were kept, and every weight you see is "
            "softmax(q·kᵀ / √d) of them (Vaswani et al. 2017, equation 1).\n\n"
            "**Take it away**: the camera in the tool bar of a figure saves it as the format chosen here."
        )
        st.segmented_control(
            "Save figures as",
            ["PNG", "SVG"],
            default="PNG",
            required=True,
            key="export",
            help="PNG is twice the size on the screen; SVG stays sharp at any size.",
        )
