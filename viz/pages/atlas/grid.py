"""All heads coloured by a statistic, and which one is chosen."""

import numpy as np
import streamlit as st

from headlens.viz.figures.effects import effect_grid
from headlens.viz.inputs.heads import Head, every_head, head_name, read_head, write_head
from headlens.viz.inputs.knob import knob, ordered_by_size
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.parts import draw_heads
from headlens.viz.pages.runtime import current_theme

STATISTICS = {
    "mean": "mean",
    "std": "standard deviation",
    "median": "median",
    "q05": "5 % quantile",
    "q95": "95 % quantile",
}
REST = (
    "“The rest” is what is left of a head's weight without what lies on special tokens (of a causal model also on its "
    "first token), scaled to sum to one."
)
FIRST = {"texts": "previous", "photos": "near"}  # what heads are coloured by at first


def choose_measure(chosen: Chosen) -> str:
    """Draw what the heads are coloured by; give the measure."""
    measures, roles = chosen.atlas.measures, chosen.roles
    unnamed = [key for key, role in roles.items() if role.named_from is None]
    order = [key for key in roles if key not in unnamed] + unnamed  # as the page Text lists them
    options = [key for key in order if key in measures] + [key for key in measures if key not in roles]
    first = FIRST[chosen.kind] if FIRST[chosen.kind] in measures else options[0]
    return knob(
        st.selectbox,
        "Heads by",
        "measure",
        options=options,
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
    values = chosen.heads(statistic)[measure]
    head = read_head((atlas.num_layers, atlas.num_heads))
    head = _largest(values) if head is None else head
    figure = effect_grid(
        values,
        f"{words.name}, {STATISTICS[statistic]}",
        pinned=head,
        by_size=by_size,
        signed=False,
        theme=current_theme(),
    )
    draw_heads(
        figure,
        "atlas_grid",
        write_head,
        alt=f"All heads, a square each, coloured by {words.name}; the one that is framed is described beside it.",
    )
    st.caption("Press a square to see what that head does over the inputs.")
    st.markdown(plain(f"{words.name}: {words.definition} Source: {words.source}."))
    if "the rest" in words.definition.lower():
        st.caption(REST)
    return head


def head_list(chosen: Chosen, head: Head, measure: str) -> None:
    """Draw a list of all heads with the one that is shown: the same as the grid, for whoever has no pointer."""
    heads = every_head((chosen.atlas.num_layers, chosen.atlas.num_heads))
    values, key = chosen.heads("mean")[measure], "atlas_head"
    st.session_state[key] = head
    st.selectbox(
        "Head",
        sorted(heads, key=lambda each: -np.nan_to_num(values[each], nan=-np.inf)),
        key=key,
        format_func=head_name,
        on_change=lambda: write_head(st.session_state[key]),
        width=260,
        help="The one that is described here, as in the grid; those first whose mean is the largest. Type to find one.",
    )


def _largest(values: np.ndarray) -> Head:
    layer, head = divmod(int(np.argmax(np.nan_to_num(values, nan=-np.inf))), values.shape[1])
    return layer, head
