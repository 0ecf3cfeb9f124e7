"""All heads by how much they differ between A and B: the figure, the first ten in words, and which ones are chosen."""

import streamlit as st

from headlens.model.comparison.comparison import Head
from headlens.viz.figures.effects import effect_grid
from headlens.viz.figures.matches import best_matches
from headlens.viz.inputs.heads import every_head, head_in_address, head_name
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
    "least from it, of all: the framed square of its row."
)
PARAMETERS = ("layer", "head"), ("layer2", "head2")  # of the address, for A and B


def choose_head(sides: Sides, why: str = "") -> tuple[Head, Head]:
    """Draw the figure and the list; give the head of A and the one of B that are chosen.

    They are by the address; else the one that differs most, and its partner. Why: no head differs, where that is known.
    """
    ordered = sides.largest_first()
    shapes = [(each.recording.num_layers, each.recording.num_heads) for each in (sides.a, sides.b)]
    asked, other = (head_in_address(*each) for each in zip(shapes, PARAMETERS))
    chosen = ordered[0] if asked is None else asked
    figure, words = st.columns([1, 1], gap="medium")
    with figure:
        _grid(sides, chosen)
    with words:
        st.markdown(MEANING + ("" if sides.matches is None else CLOSEST))
        _list(sides, ordered, chosen, why)
        _choose_other(sides, chosen, other, every_head(shapes[1]))
    both = chosen, sides.partner(chosen) if other is None else other
    st.session_state.compare_heads = both
    return both


def chosen_heads() -> tuple[Head, Head]:
    """The heads that are shown, of A and of B."""
    heads: tuple[Head, Head] = st.session_state.compare_heads
    return heads


def _grid(sides: Sides, chosen: Head) -> None:
    pressed = st.session_state.setdefault("compare_presses", 0)
    if sides.matches is None:
        largest_first = ordered_by_size("compare")
        figure = effect_grid(
            sides.divergence, "divergence", pinned=chosen, by_size=largest_first, signed=False, theme=current_theme()
        )
    else:
        figure = best_matches(sides.matches, sides.partners, chosen, theme=current_theme())
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


def _list(sides: Sides, ordered: list[Head], chosen: Head, why: str) -> None:
    """The first ten to press, and all to choose from."""
    state = st.session_state

    def name(head: Head) -> str:
        return f"{head_name(head)}: {sides.divergence[head]:.3f}"

    first = [head for head in ordered[:TOP] if sides.divergence[head] > 0]
    if first:
        st.markdown(f"**The {len(first)} heads that differ most:**" if len(first) > 1 else "**The head that differs:**")
    else:
        st.markdown(f"**No head differs.** {why}")
    with st.container(horizontal=True, gap="small"):
        for head in first:
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


def _choose_other(sides: Sides, chosen: Head, other: Head | None, of_b: list[Head]) -> None:
    """Another head of B than the partner: two heads of one recording, say."""
    state, partner = st.session_state, sides.partner(chosen)
    state.compare_other = other
    which = "the same" if sides.matches is None else f"the closest, {head_name(partner)}"
    st.selectbox(
        "Beside it, of B",
        [None, *of_b],
        key="compare_other",
        format_func=lambda head: which if head is None else head_name(head),
        placeholder=which,
        on_change=lambda: choose_other(state.compare_other),
        help="Any head of B: of the same text in A and B, two heads of one recording are compared, or two layers.",
    )
    if other is not None:
        divergence = sides.comparison.between(chosen, other)
        st.caption(f"Layer {chosen[0]}, head {chosen[1]} of A beside {head_name(other)} of B: {divergence:.3f}.")


def _take_press() -> None:
    state = st.session_state
    points = state[f"compare_grid_{state.compare_presses}"].selection.points
    state.compare_presses += 1
    if points:
        numbers = [int(number) for number in points[0]["customdata"][:2]]
        _choose((numbers[0], numbers[1]))


def _choose(head: Head) -> None:
    st.query_params["layer"], st.query_params["head"] = map(str, head)


def choose_other(head: Head | None) -> None:
    """Write the head of B into the address; None: it is the partner."""
    if head is None:
        for name in PARAMETERS[1]:
            st.query_params.pop(name, None)
    else:
        st.query_params["layer2"], st.query_params["head2"] = map(str, head)
