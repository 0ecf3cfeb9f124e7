"""Which text, or pair of texts, a page shows: the controls of the page Text, and what the address asks for."""

from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.inputs.text import Chat, Text, TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import IMPORT_CHAT, Call
from headlens.viz.inputs.address import address_parts
from headlens.viz.inputs.models import reads_chats, text_model
from headlens.viz.inputs.samples import FIRST_TEXT, TEXTS, TEXTS_FOR, TextSample, text_sample_name
from headlens.viz.inputs.session import InputSession, fill_fields
from headlens.viz.pages.runtime import RecordingRequest, record
from headlens.viz.view.address import OF_THE_MODEL, SWITCHES, write_texts
from headlens.viz.view.start import first_view
from headlens.viz.view.view import View

MAX_MEGABYTES = 1  # of a file: ten times what is read of it


@dataclass(frozen=True)
class TextRequest:
    """A text, or a pair, that a model is to read."""

    model: str
    texts: tuple[str, ...]
    chat: bool = False  # whether they are a user's message and a system's, read by the tokenizer's chat template

    @property
    def sample(self) -> TextSample | None:
        """The sample that it is."""
        name = text_sample_name(self.texts)
        return None if name is None or self.chat else TEXTS[name]

    @property
    def link(self) -> str:
        """What the page says of its address."""
        if self.sample is not None:
            return "This link opens what you see."
        if write_texts(self.texts) is not None:
            return "Your text is in this link."
        return "Your text is not in this link: it is too long for an address."

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        return Call(f"model.record({self._text!r})", imports=IMPORT_CHAT if self.chat else "")

    def read(self) -> TextInput:
        """The tokens. Raises InputError for a text that cannot be read."""
        return text_model(self.model).read(self._text)

    def record(self) -> RecordingRequest:
        """The recording of the text. Raises what the run raises."""
        content = tuple(text.encode("utf-8", "surrogatepass") for text in self.texts)
        everybodys = self.sample is not None and self.sample.model == self.model
        return record(self.model, content, "chat" if self.chat else "", run=self._run, sample=everybodys)

    def start(self, recording: Recording) -> View:
        """Where the page starts: the sample's own view, or a first look at an own text."""
        first = self.sample or TEXTS[FIRST_TEXT]
        if recording.model.name != first.model:
            return replace(first_view(recording), matrix=True)
        query = 1 if self.sample is None else first.query  # the token after [CLS]
        return View(first.layer, first.head, query, matrix=True)

    @property
    def _text(self) -> Text:
        if self.chat:
            return Chat(*self.texts)
        return self.texts[0] if len(self.texts) == 1 else (self.texts[0], self.texts[1])

    def _run(self, on_layer: OnLayer) -> Recording:
        return text_model(self.model).record(self._text, on_layer=on_layer)


SESSION = InputSession[tuple[str, ...], TextRequest]("text")


def pair(first: str, second: str) -> tuple[str, ...]:
    """What two fields hold: one text, or two where the second field is not empty."""
    return (first, second) if second.strip() else (first,)


def choose_text(model: str) -> TextRequest:
    """Which text: what was typed last, else what the address asks for, else what was there before."""
    state = st.session_state
    if (message := state.pop("text_refused", None)) is not None:
        st.error(message)
    candidate, last = SESSION.take_candidate(), SESSION.last
    chat = st.query_params.get("chat") == "1" and reads_chats(model)
    if candidate is not None and (last is None or candidate != last.texts):
        request = TextRequest(model, candidate, chat)
        if SESSION.readable(request):
            SESSION.own = candidate
            kept = address_parts("model", "chat", *OF_THE_MODEL)
            st.query_params.from_dict((write_texts(candidate) or {"own": "1"}) | kept)
            return request
    if "own" in st.query_params and "text" not in st.query_params and SESSION.own is None:
        st.info("The text of this link was too long for it, and went when its page was closed; this is a sample.")
    reader = text_model(model)
    first = TEXTS_FOR.get(reader.unit) or TEXTS_FOR.get(reader.predicts, TEXTS[FIRST_TEXT].texts)
    request = TextRequest(model, _texts_in_address(first), chat)
    if SESSION.readable(request):
        return request
    last = SESSION.last
    before = None if last is None else TextRequest(model, last.texts, chat and last.chat)
    if before is None or SESSION.refusal(before) is not None:
        return TextRequest(model, first)
    return before


def _texts_in_address(first: tuple[str, ...]) -> tuple[str, ...]:
    """The address' own texts, a sample's, the long one of this session, or else the first that the model is shown."""
    params = st.query_params
    if "text" in params:
        return (params["text"], params["text2"]) if params.get("text2") else (params["text"],)
    if "own" in params and SESSION.own is not None:
        return SESSION.own
    return TEXTS[params["sample"]].texts if params.get("sample") in TEXTS else first


def text_controls(texts: tuple[str, ...], form: DeltaGenerator, samples: DeltaGenerator) -> None:
    """Drawn before the recording is made: while it is, another text can be typed."""
    state = st.session_state
    fill_fields("text", dict(zip(("text_first", "text_second"), (*texts, ""))))
    with form.form("text_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area(
            "Your text",
            key="text_first",
            height=68,
            help="English reads best. A text is cut off behind what the model can read (all-MiniLM-L6-v2: 512 tokens).",
        )
        st.text_area(
            "Second sentence",
            key="text_second",
            height=68,
            width=260,
            placeholder="For a pair; may stay empty",
            help="Both are read together, so that heads can look across; their similarity is shown too. For a model "
            "that answers questions, the text with the answer; for one that chooses between texts, these, one a line.",
        )
        st.form_submit_button("Look", type="primary", on_click=_take_typed, help="Run the model on this text.")
    state.text_sample = text_sample_name(texts)
    with samples:
        st.pills(
            "Samples",
            list(TEXTS),
            key="text_sample",
            on_change=_take_sample,
            help="Each opens on a head that shows something.",
        )
        with st.popover("A text file", help="Read a .txt instead of typing."):
            st.file_uploader(
                "A .txt in UTF-8",
                type=["txt"],
                max_upload_size=MAX_MEGABYTES,
                key="text_file",
                on_change=_take_file,
                help="At most 100,000 characters.",
            )


def _take_typed() -> None:
    state = st.session_state
    SESSION.offer(pair(state.text_first, state.text_second))


def _take_sample() -> None:
    if (name := st.session_state.text_sample) is not None:
        kept = address_parts("model", *SWITCHES)  # a sample opens on a head of its own
        st.query_params.from_dict(({} if name == FIRST_TEXT else {"sample": name}) | kept)


def _take_file() -> None:
    state = st.session_state
    if (file := state.text_file) is None:
        return
    try:
        SESSION.offer((file.getvalue().decode("utf-8-sig"),))
    except UnicodeDecodeError:
        state.text_refused = "This file is not text in UTF-8; save it as UTF-8 and try again."
