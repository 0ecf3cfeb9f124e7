"""The page *Generate*: a prompt, what a model writes after it, and what it looked at on the way."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.explorer.fragment import show_explorer
from headlens.viz.inputs.model_picker import pick_model
from headlens.viz.pages import parts
from headlens.viz.pages.predictions import show_predictions
from headlens.viz.pages.runtime import RecordingRequest, get_model, record
from headlens.viz.pages.stages import entry_of, pick_stage
from headlens.viz.view.address import write_texts
from headlens.viz.view.view import View

MODEL = "smollm2-135m"
FIRST = "The capital of France is"
DEFAULT_TOKENS, MOST_TOKENS = 2, 200


def page() -> None:
    """Draw the page."""
    parts.keep_address("generate")
    form, message = st.container(), st.container()
    choices = st.container(horizontal=True, vertical_alignment="bottom")
    model = pick_model("generate", ("causal", "sequence"), MODEL, choices, message)
    with message:
        prompt, tokens = _choose(model)
    _inputs(form, prompt, tokens)
    run = recorded(model, prompt, tokens)
    recording = run.kept().recording
    if "input" in recording.notes:
        st.info(recording.notes["input"])
    with choices:
        stage = pick_stage("generate", recording, first="cross")
    st.text(f"{prompt}{_written(recording)}")
    if (ended := tokens - _count(recording)) > 0:
        st.caption(f"The model ended here, {ended} tokens before it had to.")
    link = "Your prompt is in this link." if write_texts((prompt,)) is not None else "Your prompt is not in this link."
    of_stage = partial(entry_of, stage=stage)
    start = _start(of_stage(run.kept()).recording)
    show_explorer("generate", run, start, link=link, stage=of_stage, below=show_predictions)
    parts.model_line(recording)
    parts.about(recording)


def _start(recording: Recording) -> View:
    """On the first token that was written, in a layer in the middle."""
    written = recording.segments.index(1) if 1 in recording.segments else recording.num_tokens - 1
    return View(recording.num_layers // 2, 0, query=written, matrix=True)


def _written(recording: Recording) -> str:
    """What the model wrote."""
    if (decoder := recording.stages.get("decoder")) is not None:
        return f" → {decoder.texts[-1]}"
    return recording.texts[1] if len(recording.texts) > 1 else ""


def _count(recording: Recording) -> int:
    """How many tokens were written."""
    if (decoder := recording.stages.get("decoder")) is not None:
        return decoder.num_tokens - 1  # the first one begins it
    return sum(recording.segments)


def _choose(model: str) -> tuple[str, int]:
    """Which prompt and how many tokens: what was typed last, else what the address asks for, else the first one."""
    params, state = st.query_params, st.session_state
    tokens = params.get("tokens", "")
    count = int(tokens) if tokens.isascii() and tokens.isdigit() and len(tokens) <= 3 else None
    count = count if count is not None and 1 <= count <= MOST_TOKENS else DEFAULT_TOKENS
    candidate = state.pop("generate_candidate", None)
    if candidate is not None and _readable(model, candidate[0]):
        prompt, count = candidate
        state.generate_own = prompt
        address = write_texts((prompt,)) or {"own": "1"}
        st.query_params.from_dict({**address, **parts.only("model"), "tokens": str(count)})
        return prompt, count
    asked = params.get("text") or (state.get("generate_own") if "own" in params else None) or FIRST
    return (asked if _readable(model, asked) else state.get("generate_good", (model, FIRST))[1]), count


def _readable(model: str, prompt: str) -> bool:
    """Whether it can be read; else the page says why not."""
    if st.session_state.get("generate_good") == (model, prompt):
        return True
    try:
        writer = get_model(model)
        if len(writer.read(prompt).ids) >= writer.max_tokens and writer.causal:
            raise InputError(f"This prompt fills all {writer.max_tokens:,} positions of the model; shorten it.")
    except InputError as error:
        st.error(parts.plain(str(error)))
        return False
    st.session_state.generate_good = (model, prompt)
    return True


def _inputs(form: DeltaGenerator, prompt: str, tokens: int) -> None:
    state = st.session_state
    if state.get("generate_shown") != (prompt, tokens):
        state.generate_shown = (prompt, tokens)
        state.generate_prompt, state.generate_tokens = prompt, tokens
    state.setdefault("generate_prompt", prompt)
    state.setdefault("generate_tokens", tokens)
    with form.form("generate_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area("Prompt", key="generate_prompt", height=68, help="The model goes on from here.")
        st.number_input(
            "Tokens",
            1,
            MOST_TOKENS,
            key="generate_tokens",
            width=130,
            help="How many to write at most; always the most probable one, so that a link shows the same again.",
        )
        st.form_submit_button("Write", type="primary", on_click=_take_typed, help="Write on, then look at every head.")


def _take_typed() -> None:
    state = st.session_state
    state.generate_candidate = (state.generate_prompt, state.generate_tokens)


def recorded(model: str, prompt: str, tokens: int) -> RecordingRequest:
    """The recording of a prompt and what the model writes after it."""
    place = st.empty()

    def write(on_layer: OnLayer) -> Recording:
        written = get_model(model).write(prompt, tokens, lambda text: place.text(f"{prompt}{text}"), on_layer)
        place.empty()
        return written

    content = prompt.encode("utf-8", "surrogatepass")
    return record(model, (content,), f"write {tokens}", write, sample=(model, prompt) == (MODEL, FIRST))
