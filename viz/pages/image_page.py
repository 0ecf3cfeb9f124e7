"""The page *Image*: a photo, every head from one patch, and what that patch looks at."""

import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.labels import labels_control, predict_labels
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.photo import choose_photo, photo_controls, range_control
from headlens.viz.pages.body import show_body
from headlens.viz.pages.opened import offer_to_open, show_opened
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.stages import pick_stage
from headlens.viz.pages.window import show_window


def page() -> None:
    """Draw the page."""
    keep_address("image")
    if show_opened("image"):
        return
    choices, message = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    model = ModelPicker("image", KINDS["Image"]).pick(choices, message)
    with message:
        request = choose_photo(model)
    with choices:
        photo_controls(request)
    range_control(request)
    labels_control(model)
    run = request.record()
    recording = run.entry().recording
    input_note(recording)
    show_window(request, recording)
    stage = pick_stage("image", recording)
    if request.tokens is not None:
        _show_caption(recording.of("decoder"), request.tokens)
    labels = predict_labels(request, run.entry())
    show_body("image", request, run, stage=stage, predictions=() if labels is None else (labels,))
    offer_to_open("image")


def _show_caption(written: Recording, most: int) -> None:
    """What the model wrote of the photo, and whether it ended before the limit."""
    st.text(written.texts[0].strip() or "The model wrote no word of this photo.")
    if (missing := most - (written.num_tokens - 1)) > 0:  # its first token begins a text, and is not written
        st.caption(f"The model ended here, {missing} tokens before the limit.")
