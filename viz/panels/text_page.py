"""The page *Text*: a sentence or a pair, its heads, and what a token looks at."""

import numpy as np
import streamlit as st

from model.errors import InputError
from model.recording import Recording
from viz.figures import attention_heatmap, head_grid
from viz.figures.tiles import matrix_tiles
from viz.panels import parts
from viz.panels.recorder import Recorded, get_model, record
from viz.samples import TEXTS, TextSample
from viz.strip import token_strip

MODEL = "minilm-l6"
FIRST = "Trophy"


def page() -> None:
    """Draw the page."""
    left, right = st.columns([1.08, 1], gap="large")
    with left:
        recorded, sample = _choose_text()
        recording = recorded.recording
        if "input" in recording.notes:
            st.info(recording.notes["input"])
        place = st.container()  # the sentence and the strip stand above the controls that they follow from
        layer, head = parts.pick_head("text", recording, sample.layer, sample.head)
        query, log = _pick_query(recording, sample)
        weights = recording.attention(layer, head)
        figure = attention_heatmap(weights, recording.tokens, recording.special, query, log, parts.current_theme())
        name = f"headlens-text-layer{layer}-head{head}"
        parts.show_figure(figure, "text_heatmap", f"Attention weights of layer {layer}, head {head}", name, 1.08)
    with place:
        parts.sentence(recording, layer, head, query)
        st.html(token_strip(recording.tokens, weights[query], recording.special, query))
    with right:
        st.markdown("**All heads** · layers down, heads across, each on its own colour scale")
        tiles = _tiles(recorded.key, recording)
        grid = head_grid(tiles, (layer, head), parts.current_theme(), "its weights, query down, key across")
        parts.show_figure(grid, "text_grid", "Every head of the model as a small matrix", "headlens-text-heads", 1.75)
        parts.head_in_words(recording, layer, head, query)
        parts.strongest_weights("text", recording, weights[query], 10)
        _similarity(recording)
        parts.model_line(recording)
        parts.about(recording)


def _choose_text() -> tuple[Recorded, TextSample]:
    """The input, recorded, and the sample whose head and query the controls start from."""
    state = st.session_state
    if "text_looked" not in state:
        state.text_looked = TEXTS.get(st.query_params.get("text_sample", FIRST), TEXTS[FIRST]).texts
    state.setdefault("text_first", state.text_looked[0])
    state.setdefault("text_second", state.text_looked[1] if len(state.text_looked) > 1 else "")
    with st.form("text_form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_area(
            "Your text",
            key="text_first",
            height=68,
            help="English reads best. What is longer than the 512 tokens that the model reads is cut off.",
        )
        st.text_area(
            "Second sentence",
            key="text_second",
            height=68,
            width=210,
            placeholder="For a pair; may stay empty",
            help="Both are read together, so that heads can look across; their similarity is shown too.",
        )
        st.form_submit_button("Look", type="primary", on_click=_take_own, help="Run the model on this text.")
    recorded = _record()
    shown = next((name for name, sample in TEXTS.items() if sample.texts == state.text_looked), None)
    state.text_sample = shown
    st.pills(
        "Samples",
        list(TEXTS),
        default=FIRST,
        key="text_sample",
        bind="query-params",
        on_change=_take_sample,
        help="Each opens on a head that shows something.",
    )
    return recorded, TEXTS[shown or FIRST]


def _take_sample() -> None:
    if (picked := st.session_state.text_sample) is None:
        return  # pressed once more: it stays
    sample = TEXTS[picked]
    st.session_state.update(
        text_looked=sample.texts,
        text_first=sample.texts[0],
        text_second=sample.texts[1] if len(sample.texts) > 1 else "",
        text_layer=sample.layer,
        text_head=sample.head,
        text_query=sample.query,
    )


def _take_own() -> None:
    state = st.session_state
    second = (state.text_second,) if state.text_second.strip() else ()
    state.text_candidate = (state.text_first, *second)


def _record() -> Recorded:
    """The recording of what was asked for last, or, where that can't be read, of what was there before."""
    state = st.session_state
    if (candidate := state.pop("text_candidate", None)) is not None:
        try:
            recorded = _record_texts(candidate)
        except InputError as error:
            st.error(str(error))
        else:
            if candidate != state.text_looked:
                state.text_query = 1  # after [CLS]
            state.text_looked = candidate
            return recorded
    return _record_texts(state.text_looked)


def _record_texts(texts: tuple[str, ...]) -> Recorded:
    text = texts[0] if len(texts) == 1 else (texts[0], texts[1])
    content = tuple(part.encode("utf-8", "surrogatepass") for part in texts)
    return record(MODEL, content, "", lambda on_layer: get_model(MODEL).record(text, on_layer=on_layer))


def _pick_query(recording: Recording, sample: TextSample) -> tuple[int, bool]:
    count = recording.num_tokens
    start = min(sample.query if recording.texts == sample.texts else 1, count - 1)
    if st.session_state.get("text_query", 0) not in range(count):
        st.session_state.text_query = start
    with st.container(horizontal=True, vertical_alignment="bottom"):
        query = st.selectbox(
            "Query: the token that looks",
            range(count),
            index=start,
            format_func=lambda token: f"{token} · {recording.tokens[token]}",
            key="text_query",
            bind="query-params",
            help="Type to find a token. The sentence, the strip and the outlined row show what it looks at.",
        )
        log = st.toggle(
            "Log colours",
            key="text_log",
            bind="query-params",
            help="Colour by the logarithm of the weight: small weights become visible, large ones look alike.",
        )
    return query, log


def _similarity(recording: Recording) -> None:
    if "similarity" in recording.outputs:
        st.metric(
            "Similarity of the two sentences",
            f"{float(recording.outputs['similarity']):.3f}",
            help="The cosine of their embeddings, each read by itself as the model was trained: 1 is the same meaning, "
            "0 is unrelated. The heads on this page see the two read together.",
        )


@st.cache_data(max_entries=64, show_spinner=False)
def _tiles(key: str, _recording: Recording) -> np.ndarray:
    layers = range(_recording.num_layers)
    return np.stack([matrix_tiles(_recording.attention(layer), _recording.special) for layer in layers])
