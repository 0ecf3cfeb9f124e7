"""The page *Text*: a sentence or a pair, its heads, and what a token looks at."""

import streamlit as st

from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.text import choose_text, text_controls
from headlens.viz.pages.body import show_body
from headlens.viz.pages.opened import offer_to_open, show_opened
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.stages import pick_stage


def page() -> None:
    """Draw the page."""
    keep_address("text")
    if show_opened("text"):
        return
    form, message = st.container(), st.container()
    samples = st.container(horizontal=True, vertical_alignment="bottom")
    model = ModelPicker("text", KINDS["Text"]).pick(samples, message)
    with message:
        request = choose_text(model)
    text_controls(request.texts, form, samples)
    run = request.record()
    recording = run.entry().recording
    input_note(recording)
    show_body("text", request, run, stage=pick_stage("text", recording))
    offer_to_open("text")
