"""Pieces that the pages are built from."""

from collections.abc import Callable

import plotly.graph_objects as go
import streamlit as st

from headlens.model.pretrained.checkpoint import Checkpoint
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.messages import plain

BAR = {"responsive": True, "displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": {"scale": 2}}


CAMERA = """<script>
if (!window.headlensCamera) document.addEventListener("click", (event) => {
    const plot = event.target.closest?.("[data-attr=toImage], .modebar-btn")?.closest(".js-plotly-plot");
    if (plot) plot._context.toImageButtonOptions.format = event.shiftKey ? "svg" : "png";
}, true);
window.headlensCamera = true;
</script>"""


def camera() -> None:
    """What saves a figure, and says how."""
    st.html(CAMERA, unsafe_allow_javascript=True)
    st.caption("The camera of a figure, at its upper right, saves it: as PNG, or with Shift held as SVG.")


def draw_figure(figure: go.Figure, alt: str) -> None:
    """Show a figure with the camera that saves it; alt says in words what it is, to those who do not see it."""
    st.plotly_chart(figure, theme=None, config=BAR, alt=alt)


def draw_heads(figure: go.Figure, name: str, take: Callable[[Head], None], *, alt: str) -> None:
    """Show a figure whose points are heads to press; their customdata begins with the layer and the head.

    Args:
        figure: of the heads.
        name: of the figure in the session.
        take: called with the head that was pressed, before the page is drawn again.
        alt: says in words what it is, to those who do not see it.
    """
    state, presses = st.session_state, f"{name}_presses"
    key = f"{name}_{state.setdefault(presses, 0)}"

    def take_press() -> None:
        points = state[key].selection.points
        state[presses] += 1  # a new figure, in which nothing is pressed
        if points and "customdata" in points[0]:  # other points are marks
            layer, head = (int(number) for number in points[0]["customdata"][:2])
            take((layer, head))

    st.plotly_chart(figure, key=key, theme=None, on_select=take_press, selection_mode="points", config=BAR, alt=alt)


def input_note(recording: Recording, *, of: str = "") -> None:
    """What is to be known of the input: that it was cut, say; of: "A: " of two."""
    if "input" in recording.notes:
        st.info(of + recording.notes["input"])


def model_line(recording: Recording, *, of: str = "") -> None:
    """Which model, where, how fast: one quiet line; of: "A: " of two."""
    seconds = recording.seconds
    took = f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    st.caption(
        f"{of}{plain(recording.model.title)} · {recording.num_layers} layers × {recording.num_heads} heads · "
        f"{recording.num_tokens:,} tokens · {recording.device.upper()} · {took}"
    )


def about(recording: Recording) -> None:
    """How the picture was computed, and from which model; folded."""
    model = recording.model
    source = f" Source: {model.source}." if isinstance(model, Checkpoint) else ""
    exact = recording.notes.get("exact")
    with st.expander("How this was computed"):
        st.text(f"Model: {model.title}. Authors: {model.authors}. Licence: {model.licence}.{source}")
        st.markdown(
            f"The model ran once on this input, on {recording.device}, in {recording.seconds:.2f} s, with its fused "
            "attention untouched. Each layer's queries and keys were kept, and every weight you see is "
            "softmax(q·kᵀ / √d) of them (Vaswani et al. 2017, equation 1)."
            + (f"\n\n{exact[0].upper()}{exact[1:]}." if exact else "")
        )
