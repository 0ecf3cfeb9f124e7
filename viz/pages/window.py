"""Which part of a photo the model reads, where that is not the whole of it."""

import numpy as np
import streamlit as st

from headlens.model.inputs.image_file import open_image
from headlens.model.recording.parts import WHOLE
from headlens.model.recording.recording import Recording
from headlens.viz.figures.pictures import dimmed_outside
from headlens.viz.inputs.models import photo_sizes
from headlens.viz.inputs.photo import PhotoRequest, change_address, size_name

WIDTH = 320  # pixels at most, and so is the height


def show_window(request: PhotoRequest, recording: Recording) -> None:
    """The photo, dimmed where the model's own image processor cuts it, and a press to have all of it read."""
    if recording.photo is None or recording.photo.window == WHOLE:
        return
    photo = open_image(request.photo)
    photo.thumbnail((WIDTH, WIDTH))
    with st.expander("Cut by the model's own image processor", expanded=True), st.container(horizontal=True):
        st.image(dimmed_outside(np.asarray(photo), recording.photo.window), width=photo.width)
        with st.container():
            st.caption("The model reads the part that is not dimmed, as it was trained; the rest was cut away.")
            sizes = [size for size in photo_sizes(request.model)[0] if isinstance(size, int)]
            if not sizes:
                return  # it reads what its image processor makes, and nothing else
            st.button(
                "Read the whole photo",
                on_click=change_address,
                kwargs={"size": size_name(sizes[0])},
                help="Patches over the whole photo, at its own aspect ratio: not as the model was trained.",
            )
