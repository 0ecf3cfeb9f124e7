"""What stands below the explorer on Text, Image and Generate: each analysis shows nothing where it has nothing."""

from collections.abc import Callable

import numpy as np
import streamlit as st
from PIL import Image

from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.figures.tiles import blended
from headlens.viz.pages.atlas.other_inputs import show_other_inputs
from headlens.viz.pages.head_map import show_head_map
from headlens.viz.pages.predictions import show_entities, show_predictions, show_unknown_head
from headlens.viz.view.view import View

ViewAnalysis = Callable[[RecordingEntry, View], None]
InputAnalysis = Callable[[Recording], None]


def show_pinned(entry: RecordingEntry, view: View) -> None:
    """What is predicted at the pinned token, and of the whole input."""
    show_predictions(entry.recording, view)


def show_similarity(recording: Recording) -> None:
    """Of a pair of texts."""
    if "similarity" in recording.outputs:
        measure = recording.notes.get(
            "similarity", "The cosine of their embeddings (1: the same meaning, 0: unrelated)"
        )
        st.metric(
            "Similarity of the two sentences",
            f"{float(recording.outputs['similarity']):.3f}",
            help=f"{measure}, each read by itself as the model was trained. The heads on this page see the two read "
            "together.",
        )


def show_saliency(recording: Recording) -> None:
    """Of a photo, by a model that has a decoder for it."""
    if "saliency" not in recording.outputs or recording.photo is None:
        return
    with st.expander("Saliency: what would draw an eye, by the decoder on top of the same features", expanded=True):
        note = recording.notes.get("saliency")
        st.caption(note.capitalize() + "." if note else "Exact: the size and shape that the decoder was trained on.")
        st.image(_saliency_picture(recording.outputs["saliency"], recording.photo), width=520)


def _saliency_picture(saliency: np.ndarray, photo: Photo) -> Image.Image:
    height = saliency.shape[0]
    picture = Image.fromarray(blended(photo.pixels, saliency))
    return picture.resize((round(height * photo.aspect), height))


# Each pin draws them again, with the stage that is shown
OF_THE_VIEW: tuple[ViewAnalysis, ...] = (show_other_inputs, show_pinned, show_head_map)
# Drawn once, of the whole recording
OF_THE_INPUT: tuple[InputAnalysis, ...] = (show_entities, show_unknown_head, show_similarity, show_saliency)
