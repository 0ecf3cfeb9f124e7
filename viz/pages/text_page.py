"""The page *Text*: a sentence or a pair, its heads, and what a token looks at."""

from collections.abc import Mapping

import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.text import choose_text, text_controls
from headlens.viz.pages.body import show_body
from headlens.viz.pages.opened import offer_to_open, show_opened
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.stages import pick_stage
from headlens.viz.view.visible import visible


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
    choices = {name: recording.of(name).texts[-1] for name in (recording.stage, *recording.stages)}
    titles = {name: f"{name.capitalize()}: {visible(text)}" for name, text in choices.items()}
    stage = pick_stage("text", recording, _likeliest(recording, choices), titles=titles)
    show_body("text", request, run, stage=stage)
    offer_to_open("text")


def _likeliest(recording: Recording, choices: Mapping[str, str]) -> str:
    """The stage of the text that a model which chooses finds most probable; of others the only one."""
    best = recording.predictions[0].candidates[0][0] if recording.stages else None
    return next((name for name, text in choices.items() if text == best), recording.stage)
