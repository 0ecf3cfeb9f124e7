"""The input that the steps show: a text or a photo, as its own page reads it, kept beside theirs in the address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.text import TextInput
from headlens.viz.inputs import photo
from headlens.viz.inputs.model_picker import pick_model
from headlens.viz.inputs.samples import PHOTOS, TEXTS
from headlens.viz.pages import generate_page, image_page, parts, text_page
from headlens.viz.pages.runtime import RecordingRequest, get_model
from headlens.viz.view.address import View, write_texts

KINDS = {"text": "a text", "image": "a photo"}
PAGES = {"text": "text", "image": "image", "generate": "text"}  # and the kind of input that they bring along
MODELS = {  # the kinds that read such an input, and the first one
    "text": (("text", "causal", "sequence"), text_page.MODEL),
    "image": (("image",), photo.MODEL),
}
INPUT = ("model", "sample", "text", "text2", "own", "size", "layer", "head", "query")  # what belongs to one input

WRITTEN = 1  # token, by models that read one text and write another: the steps are on what is read


@dataclass(frozen=True)
class ChosenInput:
    """The input that the steps show."""

    kind: str
    model: str
    run: RecordingRequest
    read: Callable[[], TextInput | ImageInput]
    start: View
    link: str  # what the page says of its address


def arrive() -> None:
    """A visitor who comes from another page brings its input along; all else is as it was left."""
    before, by_link = st.session_state.get("page"), bool(st.query_params)
    parts.keep_address("how")
    if before in PAGES and not by_link:
        _take_over(before)


def _take_over(page: str) -> None:
    """Into the address: the input that the other page shows."""
    others = {name: value for name, value in st.query_params.items() if name != "kind"}
    theirs = _prompt() if page == "generate" else st.session_state.get(f"{page}_address", {})
    kind = PAGES[page]
    st.query_params.from_dict(_with_input(others, theirs) | ({} if kind == "text" else {"kind": kind}))


def _prompt() -> dict[str, str]:
    """The input of the page Generate, as the page Text would have it in its address."""
    state = st.session_state
    if "generate_good" not in state:
        return {}
    model, prompt = state.generate_good
    address = write_texts((prompt,))
    if address is None:
        state.text_own = (prompt,)
    return {"model": model, **(address or {"own": "1"})}


def _with_input(address: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """An address with another one's input in it."""
    kept = {name: value for name, value in address.items() if name not in INPUT}
    return kept | {name: value for name, value in other.items() if name in INPUT}


def choose() -> ChosenInput:
    """Which input: what was given last, else what the address asks for, read as its own page reads it."""
    params, state = st.query_params, st.session_state
    kind = params["kind"] if params.get("kind") in KINDS else "text"
    kept = {name: value for name, value in params.items() if name not in INPUT}
    controls, below = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    with controls:
        state.how_kind = kind
        st.segmented_control(
            "The example is",
            list(KINDS),
            key="how_kind",
            format_func=KINDS.__getitem__,
            required=True,
            on_change=lambda: _take_over(state.how_kind),
            help="A text goes through a text model, a photo through a vision transformer. It is the one that you "
            "last looked at on its own page.",
        )
    kinds, first = MODELS[kind]
    other = f"This model does not read {KINDS[kind]} alone; take another one, or the other kind of example."
    model = pick_model("how", kinds, first, controls, below, other)
    given = _text(model, controls, below) if kind == "text" else _photo(model, controls, below)
    for name, value in kept.items():
        if name not in params:  # a new input empties the address
            params[name] = value
    return given


def remember(given: ChosenInput) -> None:
    """The address as it is now, for when the visitor comes back; the input also for its own page."""
    state = st.session_state
    state.how_address = st.query_params.to_dict()
    if get_model(given.model).description.kind != "sequence":  # which the page Text does not take
        address = f"{given.kind}_address"
        state[address] = _with_input(state.get(address, {}), state.how_address)


def _text(model: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
    state = st.session_state
    with below:
        texts = text_page.choose(model)
    second = texts[1] if len(texts) > 1 else ""
    if state.get("how_shown") != texts:  # else what was typed and refused stays, to be mended
        state.how_shown = texts
        state.how_text, state.how_second = texts[0], second
    state.setdefault("how_text", texts[0])
    state.setdefault("how_second", second)
    state.how_sample = next((name for name, sample in TEXTS.items() if sample.texts == texts), None)
    _samples(controls, list(TEXTS), text_page.FIRST, 140, "Each opens on a head that shows something.")
    controls.text_input(
        "Your text",
        key="how_text",
        on_change=_take_typed,
        help="Press Enter to run the model on it.",
    )
    writes = get_model(model).description.kind == "sequence"
    if not writes:
        with controls.popover("A pair", help="A second sentence, read together with the first."):
            st.text_input(
                "Second sentence",
                key="how_second",
                on_change=_take_typed,
                help="Both are read together; may stay empty.",
            )
    with below:
        run = generate_page.recorded(model, texts[0], WRITTEN) if writes else text_page.recorded(texts, model)
        recording = run.kept().recording
        if "input" in recording.notes:
            st.info(recording.notes["input"])
    return ChosenInput(
        "text",
        model,
        run,
        lambda: get_model(model).read(text_page.as_given(texts)),
        text_page.start(recording),
        text_page.link(texts),
    )


def _photo(name: str, controls: DeltaGenerator, below: DeltaGenerator) -> ChosenInput:
    with below:
        asked = photo.choose(name)
    source = asked.source
    st.session_state.how_sample = source if isinstance(source, str) else None
    _samples(controls, list(PHOTOS), photo.FIRST, 160, "Each opens on a head and a patch that show something.")
    with controls.popover("Your own photo", help="It stays on this machine."):
        st.file_uploader(
            "A photo",
            type=image_page.TYPES,
            key="how_file",
            on_change=image_page.take_upload,
            args=("how_file",),
            help="At most 25 MB and 40 million pixels, up to 4 times as long as wide.",
        )
    with below:
        run = image_page.recorded(asked)
        recording = run.kept().recording
    assert recording.photo is not None  # an image model recorded it
    return ChosenInput(
        "image",
        name,
        run,
        lambda: get_model(name).read(asked.content, photo.SIZES[asked.size]),
        image_page.start(recording, recording.photo, asked),
        image_page.link(source),
    )


def _take_typed() -> None:
    state = st.session_state
    second = (state.how_second,) if state.get("how_second", "").strip() else ()
    state.text_candidate = (state.how_text, *second)


def _samples(controls: DeltaGenerator, names: list[str], first: str, width: int, about: str) -> None:
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
    if (picked := st.session_state.how_sample) is not None:
        sample = parts.only("model", "size") | ({} if picked == first else {"sample": picked})
        st.query_params.from_dict(_with_input(st.query_params, sample))
