"""What the models say of A and of B, side by side: predictions, and how alike their embeddings are."""

import numpy as np
import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.pages.predictions import predictions_at, show_predictions
from headlens.viz.view.view import View

COSINE = (
    "Of the embeddings of A and B: of a text the mean of the last hidden state, of a photo that of [CLS]; 1 is the "
    "same direction."
)
NOTHING = "predicts nothing: its model has no head for that, or the input no [MASK]."


def show_both_predictions(sides: Sides, queries: tuple[int | None, int | None]) -> None:
    """Draw them; nothing of models that predict nothing.

    Args:
        sides: A and B.
        queries: tokens of A and of B whose predictions are shown; None: the last that has any.
    """
    recordings = sides.a.recording, sides.b.recording
    cosine = _cosine(*recordings)
    if cosine is not None:
        st.metric("Cosine of the embeddings of A and B", f"{cosine:.4f}", help=COSINE)
    if not any(recording.predictions for recording in recordings):
        return
    st.subheader("What the models predict", anchor=False)
    views = [View(0, 0, _with_prediction(*each)) for each in zip(recordings, queries)]
    found = [predictions_at(*each) for each in zip(recordings, views)]
    for side, column in enumerate(st.columns(2, gap="medium")):
        name = "AB"[side]
        with column:
            st.markdown(f"**{name}**" if found[side] else f"**{name}** {NOTHING}")
            show_predictions(recordings[side], views[side], key=f"predictions_{name}", beside=found[1 - side])


def _with_prediction(recording: Recording, query: int | None) -> int:
    """The token itself, where it has a prediction, else the last that has one."""
    positions = [each.position for each in recording.predictions if each.position is not None]
    return query if query in positions and query is not None else max(positions, default=0)


def _cosine(a: Recording, b: Recording) -> float | None:
    """None where a model makes no embedding, or where two models make them."""
    if a.model.name != b.model.name or "similarity" in a.notes:
        return None
    one, other = (np.ravel(each.outputs.get("embedding", ())).astype(float) for each in (a, b))
    if not one.size or one.shape != other.shape:
        return None
    return float(one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-30))
