"""The page *Compare*: two texts or photos, or two models on one; which heads differ, and where."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import HeadlensError
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.messages import show_error
from headlens.viz.inputs.model_picker import ModelPicker
from headlens.viz.inputs.pair import PairRequest
from headlens.viz.inputs.pair_photos import choose_photos, photo_pair_controls
from headlens.viz.inputs.pair_texts import Button, choose_texts, text_pair_controls
from headlens.viz.pages import parts
from headlens.viz.pages.compare.correct import corrections_in_address, show_alignment
from headlens.viz.pages.compare.head import show_head
from headlens.viz.pages.compare.heads import heads_in_address, show_all_heads
from headlens.viz.pages.compare.off import switch_heads_off, why_nothing
from headlens.viz.pages.compare.sides import Sides, can_be_compared, sides_of
from headlens.viz.pages.compare.swap import swap
from headlens.viz.pages.compare.take import take_comparison

KINDS = {"text": "texts", "image": "photos"}
MODELS = {"text": ("text", "causal"), "image": ("image",)}
REFUSALS = {
    "text": "Texts are compared by models that read a text; choose another model, or compare photos.",
    "image": "Photos are compared by models that read a photo alone; choose another model, or compare texts.",
}
SWAPPED = "B becomes A, with all that is chosen of it; the differences change their sign, and nothing else."
SWAPPED_OF_OTHER_SHAPES = (
    "B becomes A, with all that is chosen of it; then the closest head is found for each head of the other model, so "
    "other pairs may come."
)


def page() -> None:
    """Draw the page."""
    keep_address("compare")
    st.header("Compare", anchor=False)
    st.caption("Two texts or photos, two models on one, heads switched off: which heads look elsewhere, and where?")
    top = st.container(horizontal=True, vertical_alignment="bottom")
    with top:
        kind = _kind()
    form, message = st.container(), st.container()
    choose, controls = {
        "text": (choose_texts, text_pair_controls),
        "image": (choose_photos, photo_pair_controls),
    }[kind]
    picker = partial(ModelPicker, kinds=MODELS[kind], refusal=REFUSALS[kind])
    of_a = picker("compare", label="Model of A", of="A: ").pick(top, message)
    of_b = picker("compare_b", label="Model of B", of="B: ", parameter="model2", otherwise=of_a).pick(top, message)
    with message:
        request = choose((of_a, of_b))
    button = controls(request, form) or top.button
    keep_address("compare")  # again: what was typed is in it now
    try:
        _show(request, top, button)
    except HeadlensError as error:
        show_error(error)
    st.caption(request.link)


def _show(request: PairRequest, top: DeltaGenerator, button: Button) -> None:
    """A beside B."""
    request = switch_heads_off(request, top)
    runs = request.a.record(), request.b.record()
    recordings = [run.entry().recording for run in runs]
    request = replace(request, corrections=corrections_in_address(*recordings))
    again = partial(sides_of, runs, request.corrections)
    sides = again()
    if not can_be_compared(sides):
        show_alignment(sides, request)
        return
    button(
        "Swap A and B",
        on_click=swap,
        args=(request,),
        help=SWAPPED if sides.matches is None else SWAPPED_OF_OTHER_SHAPES,
    )
    show_alignment(sides, request)
    _show_heads(request, again)
    parts.camera()
    same = recordings[0] is recordings[1]
    for name, each in zip("A" if same else "AB", recordings):
        parts.model_line(each, of="" if same else f"{name}: ")


@st.fragment
def _show_heads(request: PairRequest, again: Callable[[], Sides]) -> None:
    """All heads, and the chosen one of each side, in a fragment: another head reruns neither inputs nor alignment."""
    sides = again()
    all_heads, below = st.container(), st.container()
    head, other = heads_in_address(sides)
    with below:  # first, for a press changes this most; Plotly takes longer to make the figure above
        show_head(sides, head, other, again=again)
    with all_heads:
        show_all_heads(sides, head, why_nothing(request, sides.a.recording.num_layers))
    take_comparison(request, sides, head, other)


def _kind() -> str:
    """What is compared, by the address; each kind keeps its own."""
    state, params = st.session_state, st.query_params
    kind = params["kind"] if params.get("kind") in KINDS else "text"
    state.compare_kind = kind

    def change() -> None:
        state[f"compare_address_{kind}"] = params.to_dict()
        other = state.compare_kind
        params.from_dict(state.get(f"compare_address_{other}", {} if other == "text" else {"kind": other}))

    st.segmented_control(
        "Compare",
        list(KINDS),
        key="compare_kind",
        format_func=KINDS.__getitem__,
        required=True,
        on_change=change,
        help="Two texts or two photos; or two models on one of them.",
    )
    return kind
