"""Pieces that the pages are built from."""

import plotly.graph_objects as go
import streamlit as st

from headlens.model.pretrained.checkpoint import Checkpoint
from headlens.model.recording.recording import Recording
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
