"""All heads by how much they differ between A and B: the grid, the first ten in words, and which one is chosen."""

import streamlit as st

from headlens.model.comparison.comparison import Head
from headlens.viz.figures.effects import effect_grid
from headlens.viz.inputs.knob import ordered_by_size
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.pages.parts import BAR
from headlens.viz.pages.runtime import current_theme

TOP = 10
MEANING = (
    "How much a head differs: the **Jensen–Shannon divergence** of its rows in A and in B, the mean over the tokens "
    "that both have; 0 is the same, 1 (bit) looks at nothing in common. Rows that see one token alone are left out. "
    "Source: Lin 1991, equation 4.1."
)
CLOSEST = (
    " These models have other numbers of layers or heads, so each head of A stands beside the head of B that differs "
    "least from it, of all."
)


def choose_head(sides: Sides) -> Head:
    """Draw the grid and the list; give the head of A that is chosen, by the address, else the one that differs most."""
    ordered = sides.largest_first()
    by_address = {f"{layer}.{head}": (layer, head) for layer, head in ordered}
    params = st.query_params
    chosen = by_address.get(f"{params.get('layer')}.{params.get('head')}", ordered[0])
    grid, words = st.columns([1, 1], gap="medium")
    with grid:
        _grid(sides, chosen)
    with words:
        st.markdown(MEANING + ("" if sides.comparison.same_shape else CLOSEST))
        _list(sides, ordered, chosen)
    return chosen


def _grid(sides: Sides, chosen: Head) -> None:
    largest_first, pressed = ordered_by_size("compare"), st.session_state.setdefault("compare_presses", 0)
    figure = effect_grid(
        sides.divergence, "divergence", pinned=chosen, by_size=largest_first, signed=False, theme=current_theme()
    )
    st.plotly_chart(
        figure,
        key=f"compare_grid_{pressed}",
        theme=None,
        on_select=_take_press,
        selection_mode="points",
        config=BAR,
        alt="How much each head differs between A and B, a square for each; the ten largest are in words beside it.",
    )
    st.caption("Press a square to see where that head differs.")


def _list(sides: Sides, ordered: list[Head], chosen: Head) -> None:
    """The first ten to press, and all to choose from."""
    state = st.session_state

    def name(head: Head) -> str:
        return f"layer {head[0]}, head {head[1]}: {sides.divergence[head]:.3f}"

    st.markdown(f"**The {min(TOP, len(ordered))} heads that differ most:**")
    with st.container(horizontal=True, gap="small"):
        for head in ordered[:TOP]:
            st.button(
                name(head),
                key=f"compare_head_{head[0]}_{head[1]}",
                type="primary" if head == chosen else "secondary",
                on_click=_choose,
                args=(head,),
                help="See where it differs.",
            )
    state.compare_head = chosen
    st.selectbox(
        "All heads, the largest first",
        ordered,
        key="compare_head",
        format_func=name,
        on_change=lambda: _choose(state.compare_head),
        help="Type a layer's or head's number to find one.",
    )


def _take_press() -> None:
    state = st.session_state
    points = state[f"compare_grid_{state.compare_presses}"].selection.points
    state.compare_presses += 1
    if points:
        layer, head = (int(number) for number in points[0]["customdata"][:2])
        _choose((layer, head))


def _choose(head: Head) -> None:
    st.query_params["layer"], st.query_params["head"] = map(str, head)
