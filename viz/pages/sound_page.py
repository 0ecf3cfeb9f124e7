"""The page *Sound*: a sound as its spectrogram, every head from one moment of it, and the words that were heard."""

import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.sound import choose_sound, play, sound_controls
from headlens.viz.pages.body import show_body
from headlens.viz.pages.opened import offer_to_open, show_opened
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.stages import pick_stage

NO_MODEL = (
    "No model that hears is bundled: choose one by the button *Model*, a folder or an id of the Hugging Face Hub, such "
    "as openai/whisper-tiny, facebook/wav2vec2-base-960h or MIT/ast-finetuned-audioset-10-10-0.4593."
)


def page() -> None:
    """Draw the page."""
    keep_address("sound")
    if show_opened("sound"):
        return
    choices, message = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    body = st.container()
    offer_to_open("sound")
    model = ModelPicker("sound", KINDS["Sound"], without=NO_MODEL).pick(choices, message)
    with message:
        request = choose_sound(model)
    with choices:
        sound_controls(request)
    with body:
        play(request)
        run = request.record()
        recording = run.entry().recording
        input_note(recording)
        if (text := _words(recording)) is not None:
            st.text(f"Heard: {text}")
        stage = pick_stage("sound", recording)
        show_body("sound", request, run, stage=stage)


def _words(recording: Recording) -> str | None:
    """What the model wrote, or the letters that it heard; None of a model that does neither."""
    if (decoder := recording.stages.get("decoder")) is not None:
        return decoder.texts[0]
    return recording.notes.get("heard")
