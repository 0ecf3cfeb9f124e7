"""The page *Generate*: a prompt, what a model writes after it, and what it looked at on the way."""

import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.prompt import choose_prompt, prompt_controls
from headlens.viz.pages.body import show_body
from headlens.viz.pages.opened import offer_to_open, show_opened
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.stages import pick_stage


def page() -> None:
    """Draw the page."""
    keep_address("generate")
    if show_opened("generate"):
        return
    form, message = st.container(), st.container()
    choices = st.container(horizontal=True, vertical_alignment="bottom")
    model = ModelPicker("generate", KINDS["Generate"]).pick(choices, message)
    with message:
        request = choose_prompt(model)
    prompt_controls(request, form)
    run = request.record()
    recording = run.entry().recording
    input_note(recording)
    with choices:
        stage = pick_stage("generate", recording)
    text, num_tokens = _continuation(recording)
    st.text(f"{request.shown}{text}")
    if (missing := request.tokens - num_tokens) > 0:
        st.caption(f"The model ended here, {missing} tokens before the limit.")
    show_body("generate", request, run, stage=stage)
    offer_to_open("generate")


def _continuation(recording: Recording) -> tuple[str, int]:
    """What the model wrote, and how many tokens that is."""
    if (decoder := recording.stages.get("decoder")) is not None:
        return f" → {decoder.texts[-1]}", decoder.num_tokens - 1  # its first token begins it, and is not written
    return recording.texts[1] if len(recording.texts) > 1 else "", sum(recording.segments)
