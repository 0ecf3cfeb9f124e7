"""The page *Text*: a sentence or a pair, its heads, and what a token looks at."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.model.inputs.text import Text
from headlens.model.recording.recording import Recording
from headlens.viz.explorer.fragment import show_explorer
from headlens.viz.inputs.model_picker import pick_model
from headlens.viz.inputs.samples import TEXTS
from headlens.viz.pages import parts
from headlens.viz.pages.predictions import show_predictions
from headlens.viz.pages.runtime import RecordingRequest, get_model, record
from headlens.viz.view.address import write_texts
from headlens.viz.view.view import View

MODEL = "minilm-l6"
FIRST = "Trophy"


def page() -> None:
    """Draw the page."""
    parts.keep_address("text")
    form, message = st.container(), st.container()
    samples = st.container(horizontal=True, vertical_alignment="bottom")
    model = pick_model("text", ("text", "causal"), MODEL, samples, message)
    with message:
        texts = choose(model)
    _inputs(texts, form, samples)
    run = recorded(texts, model)
    recording = run.kept().recording
    if "input" in recording.notes:
        st.info(recording.notes["input"])
    show_explorer("text", run, start(recording), link=link(recording.texts), below=show_predictions)
    _similarity(recording)
    parts.model_line(recording)
    parts.about(recording)


def start(recording: Recording) -> View:
    """Where the page starts: the sample's own view, or a first look at an own text."""
    sample = next((sample for sample in TEXTS.values() if sample.texts == recording.texts), None)
    if recording.model.name != MODEL:  # of what reads from left to right, the last token sees all others
        last = recording.num_tokens - 1
        return View(0, 0, query=last if recording.stage == "decoder" else min(1, last), matrix=True)
    if sample is None:
        return View(TEXTS[FIRST].layer, TEXTS[FIRST].head, query=1, matrix=True)  # the token after [CLS]
    return View(sample.layer, sample.head, sample.query, matrix=True)


def link(texts: tuple[str, ...]) -> str:
    """What a page on these texts says of its address."""
    if any(sample.texts == texts for sample in TEXTS.values()):
        return "This link opens what you see."
    if write_texts(texts) is not None:
        return "Your text is in this link."
    return "Your text is not in this link: it is too long for an address."


def _asked() -> tuple[str, ...]:
    """The texts that the address asks for: its own, a sample's, or the long one of this session."""
    params = st.query_params
    if "text" in params:
        return (params["text"], params["text2"]) if params.get("text2") else (params["text"],)
    if "own" in params and "text_own" in st.session_state:
        return st.session_state.text_own
    return TEXTS.get(params.get("sample", FIRST), TEXTS[FIRST]).texts


def choose(model: str = MODEL) -> tuple[str, ...]:
    """Which texts: what was typed last, else what the address asks for, else what was there before."""
    state = st.session_state
    if (refused := state.pop("text_refused", None)) is not None:
        st.error(refused)
    candidate = state.pop("text_candidate", None)
    if candidate is not None and candidate != state.get("text_good", (None,))[1:] and _readable(model, candidate):
        state.text_own = candidate
        st.query_params.from_dict((write_texts(candidate) or {"own": "1"}) | parts.only("model"))
        return candidate
    if "own" in st.query_params and "text" not in st.query_params and "text_own" not in state:
        st.info("The text of this link was too long for it, and left when its page was closed; this is a sample.")
    asked = _asked()
    return asked if _readable(model, asked) else state.get("text_good", (model, *TEXTS[FIRST].texts))[1:]


def _readable(model: str, texts: tuple[str, ...]) -> bool:
    """Whether they can be recorded; else the page says why not."""
    state = st.session_state
    if state.get("text_good") == (model, *texts):
        return True
    try:
        get_model(model).read(as_given(texts))
    except InputError as error:
        st.error(parts.plain(str(error)))
        return False
    state.text_good = (model, *texts)
    return True


def _inputs(texts: tuple[str, ...], form: DeltaGenerator, samples: DeltaGenerator) -> None:
    """Drawn before the recording is made: while it is, another text can be given."""
    state = st.session_state
    if state.get("text_shown") != texts:
        state.text_shown = texts
        state.text_first, state.text_second = texts[0], texts[1] if len(texts) > 1 else ""
    state.setdefault("text_first", texts[0])
    state.setdefault("text_second", texts[1] if len(texts) > 1 else "")
    with form.form("text_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area(
            "Your text",
            key="text_first",
            height=68,
            help="English reads best. What is longer than the model reads (512 tokens, the first one) is cut off.",
        )
        st.text_area(
            "Second sentence",
            key="text_second",
            height=68,
            width=260,
            placeholder="For a pair; may stay empty",
            help="Both are read together, so that heads can look across; their similarity is shown too.",
        )
        st.form_submit_button("Look", type="primary", on_click=_take_typed, help="Run the model on this text.")
    state.text_sample = next((name for name, sample in TEXTS.items() if sample.texts == texts), None)
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
                key="text_file",
                on_change=_take_file,
                help="At most 100,000 characters.",
            )


def _take_sample() -> None:
    if (picked := st.session_state.text_sample) is not None:
        st.query_params.from_dict(({} if picked == FIRST else {"sample": picked}) | parts.only("model"))


def _take_typed() -> None:
    state = st.session_state
    second = (state.text_second,) if state.text_second.strip() else ()
    state.text_candidate = (state.text_first, *second)


def _take_file() -> None:
    state = st.session_state
    if (file := state.text_file) is None:
        return
    try:
        state.text_candidate = (file.getvalue().decode("utf-8-sig"),)
    except UnicodeDecodeError:
        state.text_refused = "This file is not text in UTF-8; save it as UTF-8 and try again."


def recorded(texts: tuple[str, ...], model: str = MODEL) -> RecordingRequest:
    """The recording of one text, or of a pair."""
    content = tuple(part.encode("utf-8", "surrogatepass") for part in texts)
    sample = any(sample.texts == texts for sample in TEXTS.values())
    return record(
        model,
        content,
        "",
        lambda on_layer: get_model(model).record(as_given(texts), on_layer=on_layer),
        sample and model == MODEL,
    )


def as_given(texts: tuple[str, ...]) -> Text:
    """As the model reads them."""
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def _similarity(recording: Recording) -> None:
    if "similarity" in recording.outputs:
        st.metric(
            "Similarity of the two sentences",
            f"{float(recording.outputs['similarity']):.3f}",
            help="The cosine of their embeddings, each read by itself as the model was trained: 1 is the same meaning, "
            "0 is unrelated. The heads on this page see the two read together.",
        )
