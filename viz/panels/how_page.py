"""The page *How it works*: attention in steps, with the numbers of the visitor's own input."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import streamlit as st

from model.inputs import ImageInput, TextInput
from viz.address import View
from viz.panels import image_page, parts, text_page
from viz.panels.how.example import Example, knob
from viz.panels.how.steps import STEPS, Step
from viz.panels.how.words import glossary
from viz.panels.recorder import Recorded, get_model
from viz.samples import PHOTOS, TEXTS
from viz.visible import visible

KINDS = {"text": "a text", "image": "a photo"}
INPUT = ("sample", "text", "text2", "own", "size", "layer", "head", "query")  # what belongs to one input
WIDTH = 1000  # pixels: lines that can be read
TO_TOP = "<script>document.querySelector('[data-testid=stMain]').scrollTo(0, 0) // step {}\n</script>"


@dataclass(frozen=True)
class Given:
    """The input that the steps show."""

    kind: str
    model: str
    run: Recorded
    read: Callable[[], TextInput | ImageInput]
    start: View
    link: str  # what the page says of its address


def page() -> None:
    """Draw the page."""
    _arrive()
    with st.container(width=WIDTH):
        st.header("How attention works", anchor=False)
        given = _choose()
        _show(given)


def _arrive() -> None:
    """A visitor who comes from another page brings its input along; all else is as it was left."""
    before, by_link = st.session_state.get("page"), bool(st.query_params)
    parts.keep_address("how")
    if before in KINDS and not by_link:
        _take_over(before)


def _take_over(kind: str) -> None:
    """Into the address: the input that the other page shows."""
    others = {name: value for name, value in st.query_params.items() if name != "kind"}
    theirs = st.session_state.get(f"{kind}_address", {})
    st.query_params.from_dict(_with_input(others, theirs) | ({} if kind == "text" else {"kind": kind}))


def _with_input(address: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """An address with another one's input in it."""
    kept = {name: value for name, value in address.items() if name not in INPUT}
    return kept | {name: value for name, value in other.items() if name in INPUT}


def _choose() -> Given:
    """Which input: what was given last, else what the address asks for, read as its own page reads it."""
    params, state = st.query_params, st.session_state
    kind = params["kind"] if params.get("kind") in KINDS else "text"
    kept = {name: value for name, value in params.items() if name not in INPUT}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.how_kind = kind
        st.segmented_control(
            "The example is",
            list(KINDS),
            key="how_kind",
            format_func=KINDS.__getitem__,
            required=True,
            on_change=lambda: _take_over(state.how_kind),
            help="A text goes through a text encoder, a photo through a vision transformer. It is the one that you "
            "last looked at on its own page.",
        )
        given = _text() if kind == "text" else _photo()
    for name, value in kept.items():
        if name not in params:  # a new input empties the address
            params[name] = value
    return given


def _text() -> Given:
    state = st.session_state
    texts = text_page.choose()
    state.how_text = texts[0]
    state.how_sample = next((name for name, sample in TEXTS.items() if sample.texts == texts), None)
    st.selectbox(
        "Sample",
        list(TEXTS),
        key="how_sample",
        on_change=_take_sample,
        args=(text_page.FIRST,),
        placeholder="Your own",
        width=140,
        help="Each opens on a head that shows something.",
    )
    st.text_input(
        "Your text",
        key="how_text",
        on_change=lambda: state.update(text_candidate=(state.how_text,)),
        help="Press Enter to run the model on it. A pair of sentences is given on the page Text.",
    )
    run = text_page.recorded(texts)
    model = get_model(text_page.MODEL)
    return Given(
        "text",
        text_page.MODEL,
        run,
        lambda: model.read(text_page.as_given(texts)),
        text_page.start(run.kept().recording),
        text_page.link(texts),
    )


def _photo() -> Given:
    source, size = image_page.choose()
    st.session_state.how_sample = source if isinstance(source, str) else None
    st.selectbox(
        "Sample",
        list(PHOTOS),
        key="how_sample",
        on_change=_take_sample,
        args=(image_page.FIRST,),
        placeholder="Your own",
        width=160,
        help="For a photo of your own, give it on the page Image, and come back.",
    )
    run = image_page.recorded(source, size)
    recording = run.kept().recording
    assert recording.photo is not None  # an image model recorded it
    model = get_model(image_page.MODEL)
    return Given(
        "image",
        image_page.MODEL,
        run,
        lambda: model.read(image_page.content_of(source), image_page.SIZES[size]),
        image_page.start(recording, recording.photo, source),
        image_page.link(source),
    )


def _take_sample(first: str) -> None:
    if (picked := st.session_state.how_sample) is not None:
        st.query_params.from_dict(_with_input(st.query_params, {} if picked == first else {"sample": picked}))


def _show(given: Given) -> None:
    """One step; nothing of the others is computed. Not a fragment: what is pressed then stops what still runs."""
    state, kept = st.session_state, given.run.kept()
    recording, start = kept.recording, given.start
    with st.container(horizontal=True, vertical_alignment="bottom"):
        layer = knob(
            st.selectbox,
            "Layer",
            "layer",
            range(recording.num_layers),
            start.layer,
            width=90,
            help="Layers count from 0, from the input upwards.",
        )
        head = knob(
            st.selectbox,
            "Head",
            "head",
            range(recording.num_heads),
            start.head,
            width=90,
            help="Heads of one layer look side by side.",
        )
        query = knob(
            st.selectbox,
            "Query",
            "query",
            range(recording.num_tokens),
            start.query,
            format_func=lambda token: f"{token} · {visible(recording.tokens[token])}",
            width=220,
            help="The token or patch that looks. Patches are (row, column); type to find one.",
        )
    number = knob(
        st.pills,
        "Steps",
        "step",
        range(1, len(STEPS) + 1),
        1,
        format_func=lambda each: f"{each} {STEPS[each - 1].short}",
        required=True,
        help="Only the step that you see is computed.",
    )
    state.how_address = st.query_params.to_dict()
    state[f"{given.kind}_address"] = _with_input(state.get(f"{given.kind}_address", {}), state.how_address)
    step = STEPS[number - 1]
    st.html(TO_TOP.format(number), unsafe_allow_javascript=True)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{number}. {step.title}", anchor=False, width="content")
        glossary(step.terms)
    step.show(Example(kept, get_model(given.model), given.read, layer, head, query))
    _foot(number, step)
    parts.model_line(recording)
    st.caption(given.link)


def _foot(number: int, step: Step) -> None:
    st.markdown(f"**Try:** {step.attempt}")
    st.caption(f"Source: {step.source}")
    with st.container(horizontal=True):
        for label, to in (("Back", number - 1), ("Next", number + 1)):
            if 1 <= to <= len(STEPS):
                st.button(
                    f"{label}: {STEPS[to - 1].short}",
                    key=f"how_{label}",
                    type="primary" if label == "Next" else "secondary",
                    on_click=_go,
                    args=(to,),
                    help=STEPS[to - 1].title,
                )


def _go(number: int) -> None:
    st.query_params["step"] = str(number)
