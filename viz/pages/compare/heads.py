"""All heads by how much they differ between A and B: the figure, the first ten in words, and which ones are chosen."""

import streamlit as st

from headlens.model.comparison.comparison import Head
from headlens.viz.figures.effects import effect_grid
from headlens.viz.figures.matches import best_matches
from headlens.viz.inputs.heads import every_head, head_name, read_head, write_head
from headlens.viz.inputs.knob import ordered_by_size
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.pages.parts import draw_heads
from headlens.viz.pages.runtime import current_theme

TOP = 10
MEANING = (
    "How much a head differs: the **Jensen–Shannon divergence** of its rows in A and in B, the mean over those that "
    "both have; 0 is the same, 1 (bit) looks at nothing in common. Rows that see one token or patch alone are left "
    "out. Source: Lin 1991, equation 4.1."
)
CLOSEST = (
    " These models have other numbers of layers or heads, so each head of A stands beside the head of B that differs "
    "least from it, of all: the framed square of its row."
)
OF_B = ("layer2", "head2")  # of the address


def heads_in_address(sides: Sides) -> tuple[Head, Head]:
    """The head of A and the one of B that are chosen; else the one that differs most, and its partner."""
    asked, other = read_head(sides.divergence.shape), _other_in_address(sides)
    head = sides.largest_first()[0] if asked is None else asked
    both = head, sides.partner(head) if other is None else other
    st.session_state.compare_heads = both
    return both


def show_all_heads(sides: Sides, chosen: Head, why: str = "") -> None:
    """Draw the figure and the list, from which others can be chosen. Why: no head differs, where that is known."""
    figure, words = st.columns([1, 1], gap="medium")
    with figure:
        _grid(sides, chosen)
    with words:
        st.markdown(MEANING + ("" if sides.matches is None else CLOSEST))
        _list(sides, sides.largest_first(), chosen, why)
        _choose_other(sides, chosen, _other_in_address(sides))


def chosen_heads() -> tuple[Head, Head]:
    """The heads that are shown, of A and of B."""
    heads: tuple[Head, Head] = st.session_state.compare_heads
    return heads


def _shape_of_b(sides: Sides) -> tuple[int, int]:
    return sides.b.recording.num_layers, sides.b.recording.num_heads


def _other_in_address(sides: Sides) -> Head | None:
    return read_head(_shape_of_b(sides), OF_B)


def _grid(sides: Sides, chosen: Head) -> None:
    if sides.matches is None:
        largest_first = ordered_by_size("compare")
        figure = effect_grid(
            sides.divergence, "divergence", pinned=chosen, by_size=largest_first, signed=False, theme=current_theme()
        )
    else:
        figure = best_matches(sides.matches, sides.partners, chosen, theme=current_theme())
    draw_heads(
        figure,
        "compare_grid",
        write_head,
        alt="How much each head differs between A and B, a square for each; the ten largest are in words beside it.",
    )
    st.caption("Press a square to see where that head differs.")


def _list(sides: Sides, ordered: list[Head], chosen: Head, why: str) -> None:
    """The first ten to press, and all to choose from."""
    state = st.session_state
    names = {head: f"{head_name(head)}: {sides.divergence[head]:.3f}" for head in ordered}
    first = [head for head in ordered[:TOP] if sides.divergence[head] > 0]
    if first:
        st.markdown(f"**The {len(first)} heads that differ most:**" if len(first) > 1 else "**The head that differs:**")
    else:
        st.markdown(f"**No head differs.** {why}")
    with st.container(horizontal=True, gap="small"):
        for head in first:
            st.button(
                names[head],
                key=f"compare_head_{head[0]}_{head[1]}",
                type="primary" if head == chosen else "secondary",
                on_click=write_head,
                args=(head,),
                help="See where it differs.",
            )
    state.compare_head = chosen
    st.selectbox(
        "All heads, the largest first",
        ordered,
        key="compare_head",
        format_func=names.__getitem__,
        on_change=lambda: write_head(state.compare_head),
        help="Type a layer's or head's number to find one.",
    )


def _choose_other(sides: Sides, chosen: Head, other: Head | None) -> None:
    """Another head of B than the partner: two heads of one recording, say."""
    state, partner = st.session_state, sides.partner(chosen)
    state.compare_other = other
    which = "the same" if sides.matches is None else f"the closest, {head_name(partner)}"
    st.selectbox(
        "Beside it, of B",
        [None, *every_head(_shape_of_b(sides))],
        key="compare_other",
        format_func=lambda head: which if head is None else head_name(head),
        placeholder=which,
        on_change=lambda: choose_other(state.compare_other),
        help="Any head of B: of the same text in A and B, two heads of one recording are compared, or two layers.",
    )
    if other is not None:
        divergence = sides.comparison.between(chosen, other)
        st.caption(f"Layer {chosen[0]}, head {chosen[1]} of A beside {head_name(other)} of B: {divergence:.3f}.")


def choose_other(head: Head | None) -> None:
    """Write the head of B into the address; None: it is the partner."""
    if head is None:
        for name in OF_B:
            st.query_params.pop(name, None)
    else:
        write_head(head, OF_B)
