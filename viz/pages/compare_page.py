"""The page *Compare*: two texts, or two models on one text; which heads differ, and where."""

from functools import partial

import streamlit as st

from headlens.model.errors import HeadlensError
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.messages import show_error
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.pair import choose_pair, pair_controls
from headlens.viz.pages import parts
from headlens.viz.pages.compare.head import show_head
from headlens.viz.pages.compare.heads import choose_head
from headlens.viz.pages.compare.sides import compare_sides, sides_of

REFUSAL = (
    "This page compares models that read a text; photos are compared from Python and by the command headlens compare."
)


def page() -> None:
    """Draw the page."""
    keep_address("compare")
    st.header("Compare", anchor=False)
    st.caption(
        "Two texts, or two models on one text: which heads look elsewhere, and where? (Photos are compared from Python "
        "and on the command line.)"
    )
    form, message = st.container(), st.container()
    choices = st.container(horizontal=True, vertical_alignment="bottom")
    of_a = ModelPicker("compare", KINDS["Text"], REFUSAL, label="Model of A").pick(choices, message)
    of_b = ModelPicker(
        "compare_b", KINDS["Text"], REFUSAL, label="Model of B", parameter="model2", otherwise=of_a
    ).pick(choices, message)
    with message:
        request = choose_pair((of_a, of_b))
    pair_controls(request, form)
    keep_address("compare")  # again: what was typed is in it now
    try:
        sides = compare_sides(request)
        if sides is not None:
            head = choose_head(sides)
            show_head(sides, head, sides.partner(head), again=partial(sides_of, request))
            parts.camera()
            for each in (sides.comparison.a, sides.comparison.b)[: 1 if of_a == of_b else 2]:
                parts.model_line(each)
    except HeadlensError as error:
        show_error(error)
    st.caption(request.link)
