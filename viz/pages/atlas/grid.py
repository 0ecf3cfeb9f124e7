"""All heads coloured by a statistic, and which one is chosen."""

import numpy as np
import streamlit as st

from headlens.viz.figures.effects import effect_grid
from headlens.viz.inputs.knob import knob, ordered_by_size
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.parts import BAR
from headlens.viz.pages.runtime import current_theme

Head = tuple[int, int]  # layer, head
STATISTICS = {
    "mean": "mean",
    "std": "standard deviation",
    "median": "median",
    "q05": "5 % quantile",
    "q95": "95 % quantile",
}
FIRST = {"texts": "previous", "photos": "near"}  # what heads are coloured by at first


def choose_measure(chosen: Chosen) -> str:
    """Draw what the heads are coloured by; give the measure."""
    measures = chosen.atlas.measures
    first = FIRST[chosen.kind] if FIRST[chosen.kind] in measures else next(iter(measures))
    return knob(
        st.selectbox,
        "Heads by",
        "measure",
        options=list(measures),
        start=first,
        page="atlas",
        format_func=lambda key: measures[key].name,
        help="What was measured of every head on every input; its definition and source stand below.",
    )


def choose_head(chosen: Chosen, measure: str) -> Head:
    """Draw the grid; give the head that the address names, else the one with the largest value."""
    atlas, words = chosen.atlas, chosen.atlas.measures[measure]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        statistic = knob(
            st.selectbox,
            "Statistic",
            "statistic",
            options=list(STATISTICS),
            start="mean",
            page="atlas",
            format_func=STATISTICS.__getitem__,
            width=190,
            help="Over all inputs for which it can be told.",
        )
        by_size = ordered_by_size("atlas")
    values = atlas.heads(measure, statistic)
    head = _in_address(values.shape) or _largest(values)
    pressed = st.session_state.setdefault("atlas_presses", 0)
    figure = effect_grid(
        values,
        f"{words.name}, {STATISTICS[statistic]}",
        pinned=head,
        by_size=by_size,
        signed=False,
        theme=current_theme(),
    )
    st.plotly_chart(
        figure,
        key=f"atlas_grid_{pressed}",
        theme=None,
        on_select=_take_press,
        selection_mode="points",
        config=BAR,
        alt=f"All heads, a square each, coloured by {words.name}; the one that is framed is described beside it.",
    )
    st.caption("Press a square to see what that head does over the inputs.")
    st.markdown(plain(f"{words.name}: {words.definition} Source: {words.source}."))
    return head


def _in_address(shape: tuple[int, ...]) -> Head | None:
    numbers = [st.query_params.get(name, "") for name in ("layer", "head")]
    if not all(number.isascii() and number.isdigit() and len(number) < 6 for number in numbers):
        return None
    layer, head = map(int, numbers)
    return (layer, head) if layer < shape[0] and head < shape[1] else None


def _largest(values: np.ndarray) -> Head:
    layer, head = divmod(int(np.argmax(np.nan_to_num(values, nan=-np.inf))), values.shape[1])
    return layer, head


def _take_press() -> None:
    state = st.session_state
    points = state[f"atlas_grid_{state.atlas_presses}"].selection.points
    state.atlas_presses += 1
    if points:
        layer, head = (int(number) for number in points[0]["customdata"][:2])
        st.query_params["layer"], st.query_params["head"] = str(layer), str(head)
