"""The page *Atlas*: what every head does over a data set, the inputs that excite it, its queries and keys in a map."""

import streamlit as st

from headlens.model.errors import HeadlensError
from headlens.viz.figures.spread import spread
from headlens.viz.inputs.address import keep_address
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.pages import parts
from headlens.viz.pages.atlas.choice import choose_atlas, show_making
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.atlas.examples import show_examples
from headlens.viz.pages.atlas.grid import choose_head, choose_measure, head_list
from headlens.viz.pages.atlas.joint import show_joint_map
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.atlas import measure_over_inputs, role_over_inputs


def page() -> None:
    """Draw the page."""
    keep_address("atlas")
    st.header("Atlas", anchor=False)
    st.caption("What every head does over many inputs: its role, how steady that is, and the inputs that excite it.")
    chosen = choose_atlas()
    if chosen is None:
        return
    try:
        _show(chosen)
    except HeadlensError as error:
        show_error(error)
    show_making(chosen)
    parts.camera()
    st.caption("This link opens what you see; an atlas of your own is opened where its folder is.")


def _show(chosen: Chosen) -> None:
    """All heads, then one of them."""
    model, atlas = chosen.model, chosen.atlas
    st.caption(
        plain(
            f"{model.get('title')} · {atlas.num_layers} layers × {atlas.num_heads} heads · "
            f"{chosen.inputs_read} of {chosen.source.get('name')}"
        )
    )
    grid, words = st.columns([2, 3], gap="medium")
    with grid:
        measure = choose_measure(chosen)
        head = choose_head(chosen, measure)
    with words:
        _show_head(chosen, head, measure)
    show_joint_map(chosen, head)


def _show_head(chosen: Chosen, head: Head, measure: str) -> None:
    """Its role, its spread, and the inputs that excite it."""
    layer, number = head
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(f"Layer {layer}, head {number}", anchor=False, width="content")
        head_list(chosen, head, measure)
    over = chosen.over_inputs(head)
    role = role_over_inputs(over)
    st.markdown(plain(role[0].upper() + role[1:]))
    bins = chosen.atlas.histogram(measure, layer, number)
    words = chosen.atlas.measures[measure]
    if bins[2].sum() == 0:
        st.info(f"For this head, “{plain(words.name)}” can be told on no input.")
    else:
        figure = spread(bins, words.name, share=words.unit == "share", theme=current_theme())
        said = measure_over_inputs(over, measure, words.name, words.unit)
        parts.draw_figure(figure, f"How the inputs spread. {said}")
        st.caption(plain(said))
    show_examples(chosen, head)
