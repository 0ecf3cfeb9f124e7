"""The input that the steps show: a text or a photo, read as on its own page and kept beside that page's address."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.protocol import ImageModel, TextModel
from headlens.viz.inputs import photo, prompt, text
from headlens.viz.inputs.address import address_parts, keep_address
from headlens.viz.inputs.model_picker import ModelPicker
from headlens.viz.inputs.models import image_model, text_model
from headlens.viz.inputs.photo import PhotoRequest, choose_photo, take_upload
from headlens.viz.inputs.prompt import PromptRequest
from headlens.viz.inputs.samples import FIRST_PHOTO, FIRST_TEXT, PHOTOS, TEXTS, text_sample_name
from headlens.viz.inputs.session import fill_fields
from headlens.viz.inputs.text import TextRequest, choose_text, pair
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.runtime import RecordingRequest, get_model
from headlens.viz.view.address import write_texts
from headlens.viz.view.view import View

INPUTS = {"text": "a text", "image": "a photo"}
INPUT_OF_PAGE = {"text": "text", "image": "image", "generate": "text"}  # the kind of input that a page brings along
KINDS = {"text": ("text", "causal", "sequence"), "image": ("image",)}  # of models that read such an input
PARAMETERS = ("model", "sample", "text", "text2", "own", "size", "layer", "head", "query")  # that belong to one input

WRITTEN = 1  # token, by models that read one text and write another: the steps are on what is read


@dataclass(frozen=True)
class ChosenInput:
    """The input that the steps show."""

    kind: str  # of INPUTS
    request: TextRequest | PhotoRequest
    run: RecordingRequest
    start: View

    @property
    def model(self) -> TextModel | ImageModel:
        """The model that reads it."""
        name = self.request.model
        return text_model(name) if isinstance(self.request, TextRequest) else image_model(name)


def arrive() -> None:
    """A visitor who comes from another page brings its input along; all else is as it was left."""
    before, by_link = st.session_state.get("page"), bool(st.query_params)
    keep_address("how")
    if before in INPUT_OF_PAGE and not by_link:
        _take_over(before)


def _take_over(page: str) -> None:
    """Into the address: the input that the other page shows."""
    others = {name: value for name, value in st.query_params.items() if name != "kind"}
    theirs = _prompt_address() if page == "generate" else st.session_state.get(f"{page}_address", {})
    kind = INPUT_OF_PAGE[page]
    st.query_params.from_dict(_with_input(others, theirs) | ({} if kind == "text" else {"kind": kind}))


def _prompt_address() -> dict[str, str]:
    """The input of the page Generate, as the page Text would have it in its address."""
    last = prompt.SESSION.last
    if last is None:
        return {}
    address = write_texts((last.prompt,))
    if address is None:
        text.SESSION.own = (last.prompt,)
    return {"model": last.model, **(address or {"own": "1"})}


def _with_input(address: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """An address with another one's input in it."""
    rest = {name: value for name, value in address.items() if name not in PARAMETERS}
    return rest | {name: value for name, value in other.items() if name in PARAMETERS}


def choose_input() -> ChosenInput:
    """The input that was chosen last, else what the address asks for, read as its own page reads it."""
    params, state = st.query_params, st.session_state
    kind = params["kind"] if params.get("kind") in INPUTS else "text"
    rest = {name: value for name, value in params.items() if name not in PARAMETERS}
    controls, below = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    with controls:
        state.how_kind = kind
        st.segmented_control(
            "The example is",
            list(INPUTS),
            key="how_kind",
            format_func=INPUTS.__getitem__,
            required=True,
            on_change=lambda: _take_over(state.how_kind),
            help="A text goes through a text model, a photo through a vision transformer. It is the one that you "
            "last looked at on its own page.",
        )
    refusal = f"This model does not read {INPUTS[kind]} alone; take another one, or the other kind of example."
    model = ModelPicker("how", KINDS[kind], refusal).pick(controls, below)
    chosen = _text(model, controls, below) if kind == "text" else _photo(model, controls, below)
    for name, value in rest.items():
        if name not in params:  # a new input empties the address
            params[name] = value
    return chosen


def remember(chosen: ChosenInput) -> None:
    """The address as it is now, for when the visitor comes back; the input also for its own page."""
    state = st.session_state
    state.how_address = st.query_params.to_dict()
    if not _writes_another(chosen.request.model):  # which the page Text does not take
        address = f"{chosen.kind}_address"
        state[address] = _with_input(state.get(address, {}), state.how_address)


def _writes_another(model: str) -> bool:
    """Whether the model reads one text and writes another."""
    return get_model(model).description.kind == "sequence"


def _text(model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
    with below:
        request = choose_text(model)
    fill_fields("how", dict(zip(("how_text", "how_second"), (*request.texts, ""))))
    st.session_state.how_sample = text_sample_name(request.texts)
    _samples(controls, list(TEXTS), FIRST_TEXT, width=140, about="Each opens on a head that shows something.")
    controls.text_input(
        "Your text",
        key="how_text",
        on_change=_take_typed,
        help="Press Enter to run the model on it.",
    )
    writes_another = _writes_another(model)
    if not writes_another:
        with controls.popover("A pair", help="A second sentence, read together with the first."):
            st.text_input(
                "Second sentence",
                key="how_second",
                on_change=_take_typed,
                help="Both are read together; may stay empty.",
            )
    with below:
        run = PromptRequest(model, request.texts[0], WRITTEN).record() if writes_another else request.record()
        recording = run.entry().recording
        input_note(recording)
    return ChosenInput("text", request, run, request.start(recording))


def _photo(model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
    with below:
        request = choose_photo(model)
    st.session_state.how_sample = request.source if isinstance(request.source, str) else None
    about = "Each opens on a head and a patch that show something."
    _samples(controls, list(PHOTOS), FIRST_PHOTO, width=160, about=about)
    with controls.popover("Your own photo", help="It stays on this machine."):
        st.file_uploader(
            "A photo",
            type=photo.TYPES,
            key="how_file",
            on_change=take_upload,
            args=("how_file",),
            help="At most 25 MB and 40 million pixels, up to 4 times as long as wide.",
        )
    with below:
        run = request.record()
    return ChosenInput("image", request, run, request.start(run.entry().recording))


def _take_typed() -> None:
    state = st.session_state
    text.SESSION.offer(pair(state.how_text, state.get("how_second", "")))


def _samples(controls: DeltaGenerator, names: list[str], first: str, *, width: int, about: str) -> None:
    controls.selectbox(
        "Sample",
        names,
        key="how_sample",
        on_change=_take_sample,
        args=(first,),
        placeholder="Your own",
        width=width,
        help=about,
    )


def _take_sample(first: str) -> None:
    if (name := st.session_state.how_sample) is not None:
        sample = address_parts("model", "size") | ({} if name == first else {"sample": name})
        st.query_params.from_dict(_with_input(st.query_params, sample))
