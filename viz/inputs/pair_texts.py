"""Which two texts the page Compare shows: its controls, and what the address asks for."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.viz.inputs.address import address_without
from headlens.viz.inputs.pair import PairRequest, Side
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS
from headlens.viz.inputs.session import InputSession, fill_fields
from headlens.viz.inputs.text import TextRequest
from headlens.viz.view.address import write_texts

Texts = tuple[str, str]
Button = Callable[..., bool]  # st.button, or one of a form
TEXTS = ("text", "text2", "own")  # parameters of the address
SESSION = InputSession[Texts, PairRequest]("compare")


def request_of(models: tuple[str, str], texts: Texts) -> PairRequest:
    """One text for each model."""
    a, b = (Side(TextRequest(model, (text,))) for model, text in zip(models, texts))
    return PairRequest(a, b)


def choose_texts(models: tuple[str, str]) -> PairRequest:
    """Which texts: what was typed last, else what the address asks for, else what was there before."""
    candidate, last = SESSION.take_candidate(), SESSION.last
    if candidate is not None:
        request = request_of(models, candidate)
        if SESSION.readable(request):
            write_pair_of_texts(candidate)
            return request
    if "own" in st.query_params and SESSION.own is None:
        st.info("The texts of this link were too long for it, and went when its page was closed; this is a sample.")
    request = request_of(models, _texts_in_address())
    if SESSION.readable(request):
        return request
    before = None if last is None or last.texts is None else request_of(models, last.texts)
    return request_of(models, PAIRS[FIRST_PAIR]) if before is None or SESSION.refusal(before) else before


def text_pair_controls(request: PairRequest, form: DeltaGenerator) -> Button:
    """Drawn before the recordings are made: while they are, other texts can be typed.

    Gives what draws another button of the form: the browser sends what was typed with these alone.
    """
    state, texts = st.session_state, request.texts
    assert texts is not None
    fill_fields("compare", _fields(texts))
    with form.form("compare_form", border=False):
        first, second = st.columns(2)  # on a phone one above the other
        first.text_area("A", key="compare_a", height=68, help="The text that is compared with B.")
        second.text_area(
            "B",
            key="compare_b",
            height=68,
            placeholder="The same as A",
            help="The other text. Left empty, it is A's, for two models on one text.",
        )
        buttons = st.container(horizontal=True)
        buttons.form_submit_button(
            "Compare", type="primary", on_click=lambda: SESSION.offer(_typed()), help="Run the models on the texts."
        )
    state.compare_sample = next((name for name, pair in PAIRS.items() if pair == texts), None)
    form.pills(
        "Samples",
        list(PAIRS),
        key="compare_sample",
        on_change=_take_sample,
        help="Each is a pair of sentences that differ in little: which heads notice?",
    )
    return buttons.form_submit_button


def write_pair_of_texts(texts: Texts) -> None:
    """Into the address: all else that was chosen stays, but for pairs of the tokens of other texts."""
    kept = address_without(*TEXTS) if texts == _texts_in_address() else address_without(*TEXTS, "pairs")
    SESSION.own = texts
    pair = texts if texts[0] != texts[1] else texts[:1]
    written = {} if texts == PAIRS[FIRST_PAIR] else write_texts(pair)
    st.query_params.from_dict(({"own": "1"} if written is None else written) | kept)


def _texts_in_address() -> Texts:
    params = st.query_params
    first, second = params.get("text", ""), params.get("text2", "")
    if first or second:
        return first or second, second or first
    if "own" in params and SESSION.own is not None:
        return SESSION.own
    return PAIRS[FIRST_PAIR]


def swap_texts(texts: Texts) -> None:
    """Into the address, exchanged; what was typed since is exchanged too, and compared if it can be read."""
    state, typed = st.session_state, _typed()
    write_pair_of_texts(texts[::-1])
    if typed != texts:
        SESSION.offer(typed[::-1])
        state.compare_a, state.compare_b = state.compare_b, state.compare_a
        state.compare_shown = _fields(texts[::-1])  # so that what is refused stays in the fields


def _fields(texts: Texts) -> dict[str, object]:
    """What the fields hold, by their keys."""
    return {"compare_a": texts[0], "compare_b": "" if texts[0] == texts[1] else texts[1]}


def _typed() -> Texts:
    first, second = st.session_state.compare_a, st.session_state.compare_b
    return first if first.strip() else second, second if second.strip() else first


def _take_sample() -> None:
    if (name := st.session_state.compare_sample) is not None:
        write_pair_of_texts(PAIRS[name])
