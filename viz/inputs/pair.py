"""Which two texts the page Compare shows, and what reads each: its controls, and what the address asks for."""

from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.viz.inputs.address import address_parts
from headlens.viz.inputs.samples import FIRST_PAIR, PAIRS
from headlens.viz.inputs.session import InputSession, fill_fields
from headlens.viz.inputs.text import TextRequest
from headlens.viz.view.address import write_texts

Texts = tuple[str, str]


@dataclass(frozen=True)
class PairRequest:
    """Two texts, A and B, each with the model that is to read it."""

    a: TextRequest
    b: TextRequest

    @classmethod
    def of(cls, models: tuple[str, str], texts: Texts) -> "PairRequest":
        """One text for each model."""
        return cls(*(TextRequest(model, (text,)) for model, text in zip(models, texts)))

    @property
    def texts(self) -> Texts:
        """A's and B's."""
        return self.a.texts[0], self.b.texts[0]

    @property
    def link(self) -> str:
        """What the page says of its address."""
        if write_texts(self.texts) is not None:
            return "This link opens what you see."
        return "Your texts are not in this link: they are too long for an address."

    def read(self) -> None:
        """Raises InputError for a text that its model cannot read."""
        for name, side in (("A", self.a), ("B", self.b)):
            try:
                side.read()
            except InputError as error:
                raise InputError(f"Of {name}: {error}") from error


SESSION = InputSession[Texts, PairRequest]("compare")


def choose_pair(models: tuple[str, str]) -> PairRequest:
    """Which texts: what was typed last, else what the address asks for, else what was there before."""
    candidate, last = SESSION.take_candidate(), SESSION.last
    if candidate is not None:
        request = PairRequest.of(models, candidate)
        if SESSION.readable(request):
            SESSION.own = candidate
            st.query_params.from_dict(_address(candidate))
            return request
    if "own" in st.query_params and SESSION.own is None:
        st.info("The texts of this link were too long for it, and went when its page was closed; this is a sample.")
    request = PairRequest.of(models, _texts_in_address())
    if SESSION.readable(request):
        return request
    before = None if last is None else PairRequest.of(models, last.texts)
    return PairRequest.of(models, PAIRS[FIRST_PAIR]) if before is None or SESSION.refusal(before) else before


def pair_controls(request: PairRequest, form: DeltaGenerator) -> None:
    """Drawn before the recordings are made: while they are, other texts can be typed."""
    state = st.session_state
    texts = request.texts
    fill_fields("compare", {"compare_a": texts[0], "compare_b": "" if texts[0] == texts[1] else texts[1]})
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
        st.form_submit_button("Compare", type="primary", on_click=_take_typed, help="Run the models on the texts.")
    state.compare_sample = next((name for name, pair in PAIRS.items() if pair == texts), None)
    form.pills(
        "Samples",
        list(PAIRS),
        key="compare_sample",
        on_change=_take_sample,
        help="Each is a pair of sentences that differ in little: which heads notice?",
    )


def _texts_in_address() -> Texts:
    params = st.query_params
    if params.get("text"):
        return params["text"], params.get("text2", "") or params["text"]
    if "own" in params and SESSION.own is not None:
        return SESSION.own
    return PAIRS[FIRST_PAIR]


def _address(texts: Texts) -> dict[str, str]:
    """Other texts: what was chosen of the last ones' heads goes, the models stay."""
    pair = texts if texts[0] != texts[1] else texts[:1]
    written = {} if texts == PAIRS[FIRST_PAIR] else write_texts(pair)
    return ({"own": "1"} if written is None else written) | address_parts("model", "model2")


def _take_typed() -> None:
    first, second = st.session_state.compare_a, st.session_state.compare_b
    SESSION.offer((first, second if second.strip() else first))


def _take_sample() -> None:
    if (name := st.session_state.compare_sample) is not None:
        st.query_params.from_dict(_address(PAIRS[name]))
