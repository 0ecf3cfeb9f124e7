"""The input of a page that takes it from others: read as on its own page, and kept beside that page's address."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.viz.inputs import photo, prompt, text
from headlens.viz.inputs.address import address_parts, keep_address
from headlens.viz.inputs.model_picker import ModelPicker
from headlens.viz.inputs.photo import PhotoRequest, choose_photo, upload_field
from headlens.viz.inputs.prompt import PromptRequest, choose_prompt, prompt_controls
from headlens.viz.inputs.samples import FIRST_PHOTO, FIRST_TEXT, PHOTOS, TEXTS, text_sample_name
from headlens.viz.inputs.session import fill_fields
from headlens.viz.inputs.text import TextRequest, choose_text, pair
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.runtime import RecordingRequest, get_model
from headlens.viz.view.address import write_texts
from headlens.viz.view.view import View

INPUTS = {"text": "a text", "image": "a photo", "prompt": "a prompt"}
INPUT_OF_PAGE = {"text": "text", "image": "image", "generate": "prompt"}  # the kind of input that a page brings along
PAGE_OF_INPUT = {kind: page for page, kind in INPUT_OF_PAGE.items()}
PARAMETERS = ("model", "sample", "text", "text2", "chat", "own", "size", "range", "tokens", "layer", "head", "query")
# All that belongs to one input

NO_SOUNDS = "Sounds are not taken apart here: this is a sample, or what you looked at here before."
WRITTEN = 1  # token, by models that read one text and write another: the steps are on what is read
Request = TextRequest | PhotoRequest | PromptRequest


@dataclass(frozen=True)
class ChosenInput:
    """The input that a page shows."""

    kind: str  # of INPUTS
    request: Request
    run: RecordingRequest
    start: View


@dataclass(frozen=True)
class InputChooser:
    """The input of a page that has none of its own: what another page showed last, or what is chosen here.

    Args:
        page: names the page's own part of the session and its widgets.
        kinds: of models that read each kind of input, by the names in INPUTS.
        as_text: whether a prompt that comes along is shown as a text, without what is written after it.
    """

    page: str
    kinds: Mapping[str, tuple[str, ...]]
    as_text: bool = False

    def arrive(self) -> None:
        """A visitor who comes from another page brings its input along; all else is as it was left."""
        state, by_link = st.session_state, bool(st.query_params)
        before = state.get("page")
        keep_address(self.page)
        if before == self.page:
            return
        state[f"{self.page}_brought"] = None  # is not known until it is read
        state[f"{self.page}_from_sound"] = before == "sound" and not by_link
        if by_link:
            state.pop(f"{self.page}_shows", None)
            return
        source = state.get(f"{before}_shows", before)  # a page that takes its input from others brings it on
        if source in INPUT_OF_PAGE:
            state[f"{self.page}_shows"] = source
            self._take_over(source)

    def choose(self) -> ChosenInput:
        """The input that was chosen last, else what the address asks for, read as its own page reads it."""
        params, state = st.query_params, st.session_state
        kind = params["kind"] if params.get("kind") in self.kinds else "text"
        rest = {name: value for name, value in params.items() if name not in PARAMETERS}
        note = st.container()
        controls, below = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
        with controls:
            state[f"{self.page}_kind"] = kind
            st.segmented_control(
                "The example is",
                list(self.kinds),
                key=f"{self.page}_kind",
                format_func=INPUTS.__getitem__,
                required=True,
                on_change=lambda: self._take_over(PAGE_OF_INPUT[state[f"{self.page}_kind"]]),
                help="It is the one that you last looked at on its own page: a text, a photo, or a prompt with what "
                "the model wrote after it.",
            )
        refusal = (
            f"This page does not show {INPUTS[kind]} with this model; take another one, or the other kind of example."
        )
        model = ModelPicker(self.page, self.kinds[kind], refusal).pick(controls, below)
        draw = {"text": self._text, "image": self._photo, "prompt": self._prompt}[kind]
        chosen = draw(model, controls, below)
        for name, value in rest.items():
            if name not in params:  # a new input empties the address
                params[name] = value
        self._notice(chosen)
        if state.get(f"{self.page}_from_sound"):
            note.info(NO_SOUNDS)
        return chosen

    def _notice(self, chosen: ChosenInput) -> None:
        """Which page has this input: the one that it came along from, until another input is chosen here."""
        state, brought = st.session_state, f"{self.page}_brought"
        if state.get(brought) is None:
            state[brought] = chosen.request
            state.setdefault(f"{self.page}_shows", PAGE_OF_INPUT[chosen.kind])
        elif state[brought] != chosen.request:
            state[brought] = chosen.request
            state[f"{self.page}_shows"] = PAGE_OF_INPUT[chosen.kind]
            state[f"{self.page}_from_sound"] = False

    def remember(self, chosen: ChosenInput) -> None:
        """The address as it is now, for when the visitor comes back; the input also for its own page."""
        state = st.session_state
        address = state[f"{self.page}_address"] = st.query_params.to_dict()
        of_text_alone = isinstance(chosen.request, TextRequest) and (
            chosen.request.chat or writes_another(chosen.request.model)
        )
        if not of_text_alone:  # the page Text does not take
            of_page = f"{PAGE_OF_INPUT[chosen.kind]}_address"
            state[of_page] = _with_input(state.get(of_page, {}), address)

    def _take_over(self, page: str) -> None:
        """Into the address: the input that the other page shows."""
        others = {name: value for name, value in st.query_params.items() if name != "kind"}
        kind = INPUT_OF_PAGE[page]
        if page == "generate" and self.as_text:
            kind, theirs = "text", _prompt_as_text()
        else:
            theirs = st.session_state.get(f"{page}_address", {})
        st.query_params.from_dict(_with_input(others, theirs) | ({} if kind == "text" else {"kind": kind}))

    def _text(self, model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
        with below:
            request = choose_text(model)
        first, second = f"{self.page}_text", f"{self.page}_second"
        fill_fields(self.page, dict(zip((first, second), (*request.texts, ""))))
        st.session_state[f"{self.page}_sample"] = text_sample_name(request.texts)
        about = "Each opens on a head that shows something."
        self._samples(controls, list(TEXTS), FIRST_TEXT, width=140, about=about)
        controls.text_input(
            "Your text", key=first, on_change=self._take_typed, help="Press Enter to run the model on it."
        )
        another = writes_another(model)
        if not another:
            chat = request.chat
            what = "What the model is told before." if chat else "A second sentence, read together with the first."
            with controls.popover("The system message" if chat else "A pair", help=what):
                st.text_area(
                    "System message" if chat else "Second sentence",
                    key=second,
                    height=68,
                    on_change=self._take_typed,
                    help="May stay empty." if chat else "Both are read together; may stay empty.",
                )
        with below:
            run = _written_of(request).record() if another else request.record()
            recording = run.entry().recording
            input_note(recording)
        return ChosenInput("text", request, run, request.start(recording))

    def _prompt(self, model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
        with below:
            request = choose_prompt(model)
        with controls.popover("The prompt", help="What the model goes on from, and how far."):
            prompt_controls(request, st.container())
        with below:
            run = request.record()
            recording = run.entry().recording
            input_note(recording)
            st.text("".join(recording.texts))
        return ChosenInput("prompt", request, run, request.start(recording))

    def _photo(self, model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
        with below:
            request = choose_photo(model)
        st.session_state[f"{self.page}_sample"] = request.source if isinstance(request.source, str) else None
        about = "Each opens on a head and a patch that show something."
        self._samples(controls, list(PHOTOS), FIRST_PHOTO, width=160, about=about)
        with controls.popover("Your own photo", help="It stays on this machine."):
            upload_field("A photo", f"{self.page}_file", photo.SESSION)
        with below:
            run = request.record()
        return ChosenInput("image", request, run, request.start(run.entry().recording))

    def _take_typed(self) -> None:
        state = st.session_state
        text.SESSION.offer(pair(state[f"{self.page}_text"], state.get(f"{self.page}_second", "")))

    def _samples(self, controls: DeltaGenerator, names: list[str], first: str, *, width: int, about: str) -> None:
        controls.selectbox(
            "Sample",
            names,
            key=f"{self.page}_sample",
            on_change=self._take_sample,
            args=(first,),
            placeholder="Your own",
            width=width,
            help=about,
        )

    def _take_sample(self, first: str) -> None:
        if (name := st.session_state[f"{self.page}_sample"]) is not None:
            sample = address_parts("model", "size") | ({} if name == first else {"sample": name})
            st.query_params.from_dict(_with_input(st.query_params, sample))


def _prompt_as_text() -> dict[str, str]:
    """The input of the page Generate, as the page Text would have it in its address."""
    last = prompt.SESSION.last
    if last is None:
        return {}
    texts = pair(last.prompt, last.system) if last.chat else (last.prompt,)
    address = write_texts(texts)
    if address is None:
        text.SESSION.own = texts
    return {"model": last.model, **(address or {"own": "1"}), **({"chat": "1"} if last.chat else {})}


def _written_of(request: TextRequest) -> PromptRequest:
    """A text with the little that a model must write of it."""
    prompt, system = (*request.texts, "")[:2]
    return PromptRequest(request.model, prompt, WRITTEN, system, request.chat)


def _with_input(address: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """An address with another one's input in it."""
    rest = {name: value for name, value in address.items() if name not in PARAMETERS}
    return rest | {name: value for name, value in other.items() if name in PARAMETERS}


def writes_another(model: str) -> bool:
    """Whether the model reads one text and writes another."""
    return get_model(model).description.kind == "sequence"
