"""Which prompt the page Generate shows, and how many tokens a model is to write after it."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.model.inputs.text import Chat, TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import IMPORT_CHAT, Call
from headlens.viz.inputs.address import address_parts, tokens_in_address
from headlens.viz.inputs.models import reads_chats, writing_model
from headlens.viz.inputs.samples import FIRST_PROMPT
from headlens.viz.inputs.session import InputSession, fill_fields
from headlens.viz.pages.runtime import RecordingRequest, record
from headlens.viz.view.address import OF_THE_MODEL, write_texts
from headlens.viz.view.view import View

DEFAULT_TOKENS, MOST_TOKENS = 2, 200


@dataclass(frozen=True)
class PromptRequest:
    """A prompt that a model is to continue, or a message that it is to answer, by so many tokens at most."""

    model: str
    prompt: str
    tokens: int
    system: str = ""  # what a chat tells the model before the prompt
    chat: bool = False  # whether the tokenizer's chat template is around both

    @property
    def given(self) -> str | Chat:
        """What the model is given."""
        return Chat(self.prompt, self.system) if self.chat else self.prompt

    @property
    def shown(self) -> str:
        """The prompt, as it stands before what is written."""
        return f"{self.prompt}\n" if self.chat else self.prompt

    @property
    def link(self) -> str:
        """What the page says of its address."""
        written = write_texts(_texts(self.prompt, self.system)) is not None
        return "Your prompt is in this link." if written else "Your prompt is not in this link."

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        return Call(f"model.write({self.given!r}, {self.tokens})", imports=IMPORT_CHAT if self.chat else "")

    def read(self) -> TextInput:
        """The tokens of the prompt. Raises InputError for one that cannot be read, or that leaves no room."""
        model = writing_model(self.model)
        text = model.read(self.given)
        if len(text.ids) >= model.max_tokens and model.causal:
            raise InputError(f"This prompt fills all {model.max_tokens:,} positions of the model; shorten it.")
        return text

    def record(self) -> RecordingRequest:
        """The recording of the prompt and what the model writes after it. Raises what the run raises."""

        def write(on_layer: OnLayer) -> Recording:
            slot = st.empty()

            def on_token(text: str) -> None:
                slot.text(f"{self.shown}{text}")

            return writing_model(self.model).write(self.given, self.tokens, on_token, on_layer=on_layer)

        texts = (self.prompt, self.system) if self.chat else (self.prompt,)  # two are never a plain prompt
        content = tuple(text.encode("utf-8", "surrogatepass") for text in texts)
        everybodys = (self.model, self.given) == (FIRST_PROMPT.model, FIRST_PROMPT.prompt)
        return record(self.model, content, f"write {self.tokens}", run=write, sample=everybodys)

    def start(self, recording: Recording) -> View:
        """On the first token that was written, in a layer in the middle."""
        written = recording.segments.index(1) if 1 in recording.segments else recording.num_tokens - 1
        return View(recording.num_layers // 2, 0, query=written, matrix=True)


Typed = tuple[str, int, str, bool]  # prompt, tokens, system message, whether this is a chat
SESSION = InputSession[Typed, PromptRequest]("generate")


def choose_prompt(model: str) -> PromptRequest:
    """Which prompt and how many tokens: what was typed last, else what the address asks for, else the first one."""
    params = st.query_params
    candidate = SESSION.take_candidate()
    if candidate is not None:
        request = PromptRequest(model, *candidate)
        if SESSION.readable(request):
            SESSION.own = candidate
            address = write_texts(_texts(request.prompt, request.system)) or {"own": "1"}
            chat = {"chat": "1"} if request.chat else {}
            kept = address_parts("model", *OF_THE_MODEL)
            params.from_dict({**address, **kept, "tokens": str(request.tokens), **chat})
            return request
    request = _request_in_address(model)
    if SESSION.readable(request):
        return request
    last = SESSION.last
    if last is None:
        return PromptRequest(model, FIRST_PROMPT.prompt, request.tokens)
    return replace(last, model=model, tokens=request.tokens, chat=last.chat and reads_chats(model))


def _request_in_address(model: str) -> PromptRequest:
    params = st.query_params
    own = SESSION.own if "own" in params else None
    prompt, system = (FIRST_PROMPT.prompt, "") if own is None else (own[0], own[2])
    if params.get("text"):
        prompt, system = params["text"], params.get("text2", "")
    chat = params.get("chat") == "1"
    if chat and not reads_chats(model):
        st.info("This model's tokenizer has no chat template: it goes on from the prompt alone.")
        chat = False
    return PromptRequest(model, prompt, tokens_in_address(DEFAULT_TOKENS, MOST_TOKENS), system, chat)


def _texts(prompt: str, system: str) -> tuple[str, ...]:
    return (prompt, system) if system else (prompt,)


def prompt_controls(request: PromptRequest, form: DeltaGenerator) -> None:
    """Drawn before anything is written: while it is, another prompt can be typed."""
    chats = reads_chats(request.model)
    values = {"generate_prompt": request.prompt, "generate_tokens": request.tokens, "generate_system": request.system}
    fill_fields("generate", values)
    st.session_state.generate_chat = request.chat
    if chats:
        form.toggle(
            "Chat",
            key="generate_chat",
            on_change=_take_switch,
            args=(request,),
            help="The model answers the prompt as it was trained to: the chat template of its tokenizer puts tokens of "
            "its own around it, which count as special. Off: it goes on from the prompt alone.",
        )
    with form.form("generate_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        if chats:
            st.text_area(
                "System message",
                key="generate_system",
                height=68,
                width=320,
                placeholder="For a chat; may stay empty",
                help="What the model is told before the prompt, while Chat is on. Empty: nothing, or what its template "
                "says by itself.",
            )
        st.text_area("Prompt", key="generate_prompt", height=68, help="The model continues it, or in a chat answers.")
        st.number_input(
            "Tokens",
            1,
            MOST_TOKENS,
            key="generate_tokens",
            width=130,
            help="How many to write at most. Each is the most probable one, so that a link shows the same again.",
        )
        st.form_submit_button(
            "Write",
            type="primary",
            on_click=_take_typed,
            args=(request,),
            help="Continue the prompt, then look at every head.",
        )


def _take_switch(request: PromptRequest) -> None:
    SESSION.offer((request.prompt, request.tokens, request.system, st.session_state.generate_chat))


def _take_typed(request: PromptRequest) -> None:
    state = st.session_state
    system = state.get("generate_system", request.system).strip()
    SESSION.offer((state.generate_prompt, state.generate_tokens, system, request.chat))
