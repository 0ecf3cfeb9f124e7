"""Which prompt the page Generate shows, and how many tokens a model is to write after it."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.model.inputs.text import TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.address import address_parts, tokens_in_address
from headlens.viz.inputs.models import writing_model
from headlens.viz.inputs.samples import FIRST_PROMPT
from headlens.viz.inputs.session import InputSession, fill_fields
from headlens.viz.pages.runtime import RecordingRequest, record
from headlens.viz.view.address import write_texts
from headlens.viz.view.view import View

DEFAULT_TOKENS, MOST_TOKENS = 2, 200


@dataclass(frozen=True)
class PromptRequest:
    """A prompt that a model is to continue, by so many tokens at most."""

    model: str
    prompt: str
    tokens: int

    @property
    def link(self) -> str:
        """What the page says of its address."""
        written = write_texts((self.prompt,)) is not None
        return "Your prompt is in this link." if written else "Your prompt is not in this link."

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        return Call(f"model.write({self.prompt!r}, {self.tokens})")

    def read(self) -> TextInput:
        """The tokens of the prompt. Raises InputError for one that cannot be read, or that leaves no room."""
        model = writing_model(self.model)
        text = model.read(self.prompt)
        if len(text.ids) >= model.max_tokens and model.causal:
            raise InputError(f"This prompt fills all {model.max_tokens:,} positions of the model; shorten it.")
        return text

    def record(self) -> RecordingRequest:
        """The recording of the prompt and what the model writes after it. Raises what the run raises."""
        slot = st.empty()

        def write(on_layer: OnLayer) -> Recording:
            def on_token(text: str) -> None:
                slot.text(f"{self.prompt}{text}")

            recording = writing_model(self.model).write(self.prompt, self.tokens, on_token, on_layer=on_layer)
            slot.empty()
            return recording

        content = (self.prompt.encode("utf-8", "surrogatepass"),)
        everybodys = (self.model, self.prompt) == (FIRST_PROMPT.model, FIRST_PROMPT.prompt)
        return record(self.model, content, f"write {self.tokens}", run=write, sample=everybodys)

    def start(self, recording: Recording) -> View:
        """On the first token that was written, in a layer in the middle."""
        written = recording.segments.index(1) if 1 in recording.segments else recording.num_tokens - 1
        return View(recording.num_layers // 2, 0, query=written, matrix=True)


SESSION = InputSession[tuple[str, int], PromptRequest]("generate")


def choose_prompt(model: str) -> PromptRequest:
    """Which prompt and how many tokens: what was typed last, else what the address asks for, else the first one."""
    params = st.query_params
    candidate = SESSION.take_candidate()
    if candidate is not None:
        request = PromptRequest(model, *candidate)
        if SESSION.readable(request):
            SESSION.own = candidate
            address = write_texts((request.prompt,)) or {"own": "1"}
            params.from_dict({**address, **address_parts("model"), "tokens": str(request.tokens)})
            return request
    own = SESSION.own if "own" in params else None
    prompt = params.get("text") or (FIRST_PROMPT.prompt if own is None else own[0])
    request = PromptRequest(model, prompt, tokens_in_address(DEFAULT_TOKENS, MOST_TOKENS))
    if SESSION.readable(request):
        return request
    last = FIRST_PROMPT.prompt if SESSION.last is None else SESSION.last.prompt
    return PromptRequest(model, last, request.tokens)


def prompt_controls(request: PromptRequest, form: DeltaGenerator) -> None:
    """Drawn before anything is written: while it is, another prompt can be typed."""
    fill_fields("generate", {"generate_prompt": request.prompt, "generate_tokens": request.tokens})
    with form.form("generate_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area("Prompt", key="generate_prompt", height=68, help="The model continues it.")
        st.number_input(
            "Tokens",
            1,
            MOST_TOKENS,
            key="generate_tokens",
            width=130,
            help="How many to write at most. Each is the most probable one, so that a link shows the same again.",
        )
        st.form_submit_button(
            "Write", type="primary", on_click=_take_typed, help="Continue the prompt, then look at every head."
        )


def _take_typed() -> None:
    state = st.session_state
    SESSION.offer((state.generate_prompt, state.generate_tokens))
