"""The labels that a visitor sets against a photo: their field, and what the address says of them."""

import re

import streamlit as st

from headlens.model.errors import HeadlensError
from headlens.model.protocol import LabellingModel
from headlens.model.recording.parts import Prediction
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.messages import show_error
from headlens.viz.inputs.models import photo_model
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.pages.runtime import working

MAX_TYPED = 2_000  # characters of the field


def labels_control(model: str) -> None:
    """A field for labels, of models that score them; nothing for others."""
    if _labelling(model) is None:
        return
    st.session_state.image_labels = _typed()
    st.text_area(
        "Your labels",
        key="image_labels",
        height=68,
        max_chars=MAX_TYPED,
        placeholder="a cat, a dog, a cup of coffee",
        on_change=_take_labels,
        help="With commas between them, or one a line, at most 32: how well “This is a photo of …” fits the photo with "
        "each, as the model was trained. The first time loads the rest of the model.",
    )


def predict_labels(request: PhotoRequest, entry: RecordingEntry) -> Prediction | None:
    """The scores of the labels in the address, kept beside the photo's recording; None without labels.

    What cannot be read is refused on the page, which goes on.
    """
    model, labels = _labelling(request.model), split(_typed())
    if model is None or not labels:
        return None

    def compute() -> Prediction:
        loading = "" if model.has_labeller else "Loading the tower for texts …"
        with working(st.empty(), "Labels", 1), st.spinner(loading or "Reading the labels …"):
            return model.labels(request.photo, labels, request.size)

    try:
        return entry.derive(("labels", labels), compute)
    except HeadlensError as error:
        show_error(error)
        return None


def split(typed: str) -> tuple[str, ...]:
    """The labels between commas and line breaks."""
    return tuple(label.strip() for label in re.split(r"[,\n]", typed) if label.strip())


def _labelling(name: str) -> LabellingModel | None:
    model = photo_model(name)
    return model if isinstance(model, LabellingModel) and model.reads_labels else None


def _typed() -> str:
    return st.query_params.get("labels", "")[:MAX_TYPED]


def _take_labels() -> None:
    if typed := st.session_state.image_labels.strip():
        st.query_params["labels"] = typed
    else:
        st.query_params.pop("labels", None)
