"""One head in A and in B: its weights side by side, and what they differ by."""

import numpy as np
import streamlit as st

from headlens.model.comparison.comparison import Head, HeadBeside
from headlens.viz.figures.comparison import place_names, weights_beside, weights_less
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent

MOST = 1_024  # places of a matrix; more would be smaller than a pixel each
NAMED = 6  # tokens without a partner


def show_head(sides: Sides, head: Head, other: Head) -> None:
    """What is said of it, and the three matrices.

    Args:
        sides: A and B.
        head: layer and head of A.
        other: those of B.
    """
    comparison = sides.comparison
    beside = "" if head == other else f", beside layer {other[0]}, head {other[1]} of B"
    st.subheader(f"Layer {head[0]}, head {head[1]}{beside}", anchor=False)
    weights = comparison.beside(*head, other)
    st.markdown(f"{_largest(sides, weights)} {_alone(sides, weights)}")
    names = place_names(comparison.alignment.names, *_present(sides))
    if len(names) > MOST:
        st.info(f"The matrices are drawn up to {MOST:,} tokens; headlens compare writes these as a sheet.")
        return
    theme, special = current_theme(), comparison.special
    of_a, of_b = weights_beside((weights.a, weights.b), names, _present(sides), special=special, theme=theme)
    less = weights_less(weights.difference, names, special=special, theme=theme)
    for column, title, figure in zip(st.columns(3, gap="small"), ("A", "B", "A − B"), (of_a, of_b, less)):
        with column:
            st.markdown(f"**{title}**")
            draw_figure(figure, f"{title}: the weights of layer {head[0]}, head {head[1]}, token by token")


def _present(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    alignment = sides.comparison.alignment
    return alignment.a.filled, alignment.b.filled


def _largest(sides: Sides, weights: HeadBeside) -> str:
    """Where the weights differ most."""
    alignment = sides.comparison.alignment
    sizes = np.nan_to_num(np.abs(weights.difference))
    if not sizes.any():
        return "It is the same in A and in B."
    query, key = np.unravel_index(sizes.argmax(), sizes.shape)
    looks, at = (f"“{plain(visible(alignment.names[place]))}”" for place in (query, key))
    return (
        f"It differs most in how much {looks} looks at {at}: {percent(float(weights.a[query, key]))} in A, "
        f"{percent(float(weights.b[query, key]))} in B."
    )


def _alone(sides: Sides, weights: HeadBeside) -> str:
    """How much of the weight lies where the other has nothing."""
    alignment = sides.comparison.alignment
    if alignment.paired.all():
        return "Every token has a partner."
    said = []
    for side, share, has in zip("AB", weights.unpaired, _present(sides)):
        names = [alignment.names[place] for place in np.flatnonzero(has & ~alignment.paired)]
        if names:
            listed = ", ".join(f"“{plain(visible(name))}”" for name in names[:NAMED]) + (", …" if names[NAMED:] else "")
            said.append(f"{percent(share)} of {side}'s weight, on {listed}")
    return f"Without a partner: {'; '.join(said)}. Their names begin with A or B below; what is not there is grey."
