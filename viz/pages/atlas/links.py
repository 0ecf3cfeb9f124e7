"""Which point of the joint map is chosen, what its strongest links are, and what they are in words."""

import re
from typing import NamedTuple, cast

import numpy as np
import streamlit as st

from headlens.model.atlas.atlas import AtlasInput, Vectors
from headlens.model.atlas.joint_map import LINKS, Kind, Link, strongest_links
from headlens.viz.inputs.messages import plain
from headlens.viz.view.atlas import place_in_words
from headlens.viz.view.visible import isolated, visible

WRITTEN = re.compile(r"(query|key)-([0-9]{1,15})-([0-9]{1,9})")  # its input, and which token of it
BEGINNING = 60  # characters of a text in the list of inputs


class Linked(NamedTuple):
    """A point that is chosen, and what it is linked to."""

    kind: Kind
    at: int  # which of the vectors
    links: list[Link]

    @property
    def other_kind(self) -> Kind:
        """Of what it is linked to."""
        return "key" if self.kind == "query" else "query"


def linked(vectors: Vectors, *, causal: bool) -> Linked | None:
    """The point that the address names; None where it names none of the map."""
    written = WRITTEN.fullmatch(st.query_params.get("point", ""))
    if written is None:
        return None
    kind = cast(Kind, written[1])
    found = np.flatnonzero((vectors.input == int(written[2])) & (vectors.position == int(written[3])))
    if len(found) == 0:
        return None
    index = int(found[0])
    return Linked(kind, index, strongest_links(vectors, kind, index, causal=causal))


def take_press() -> None:
    """A point that was pressed is chosen; pressed again, none is."""
    told = st.session_state.atlas_points.point
    _write(told if isinstance(told, str) and told != st.query_params.get("point") else None)


def choose_point(vectors: Vectors, inputs: dict[int, AtlasInput], links: Linked | None) -> None:
    """Draw the choice of a point without a pointer: its input, and which query or key of it."""
    state = st.session_state
    number = None if links is None else int(vectors.input[links.at])
    state.atlas_link_input = number
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Links of a point in",
            list(inputs),
            key="atlas_link_input",
            on_change=lambda: _take_input(vectors),
            format_func=lambda each: _beginning(inputs[each]),
            placeholder="Choose an input",
            help="Chooses a point without pressing it: first its input, then the query or key. Emptied, no links are "
            "drawn.",
        )
        if links is None or number is None:
            return
        own = vectors.position[vectors.input == number].tolist()
        names = {
            _written(kind, number, at): f"{kind} of {place_in_words(inputs[number], at)}, position {at}"
            for kind in ("query", "key")
            for at in own
        }
        state.atlas_link_point = _written(links.kind, number, int(vectors.position[links.at]))
        st.selectbox(
            "Point",
            list(names),
            key="atlas_link_point",
            on_change=lambda: _write(state.atlas_link_point),
            format_func=names.__getitem__,
            help="Of a query the keys are shown that it gives most to, of a key the queries that give it most.",
        )
        st.button("No links", key="atlas_no_links", on_click=_write, help="Draw no links.")


def show_links(vectors: Vectors, inputs: dict[int, AtlasInput], links: Linked) -> None:
    """The links in words, and what they are."""
    found = inputs[int(vectors.input[links.at])]
    kept, whole = int((vectors.input == vectors.input[links.at]).sum()), len(found.tokens)

    def place(index: int) -> str:
        return f"{place_in_words(found, int(vectors.position[index]))} ({vectors.position[index]})"

    lines = []
    for link in links.links:
        query, key = (links.at, link.other) if links.kind == "query" else (link.other, links.at)
        lines.append(f"- {link.weight:.3f}: " + plain(f"{place(query)} → {place(key)}"))
    st.markdown("\n".join(lines))
    all_kept = (
        f"All {whole:,} positions of this input are kept, so this is the model’s own weight, but for rounding and what "
        "the model adds to q·k."
    )
    some_kept = (
        f"The atlas keeps {kept:,} of the {whole:,} positions of this input. This is the share among those; the "
        "model’s own weight is smaller."
    )
    st.caption(
        (
            f"Lines lead to the keys to which this query gives most weight: {LINKS} at most."
            if links.kind == "query"
            else f"Lines lead to the queries that give this key most weight: {LINKS} at most."
        )
        + " All are of the same input. The wider a line, the more weight. The list above has the weight, "
        "softmax(q·k / √d), and then query → key, each with its position. " + (all_kept if kept == whole else some_kept)
    )


def _take_input(vectors: Vectors) -> None:
    number = st.session_state.atlas_link_input
    if number is None:
        return _write()
    first = int(vectors.position[vectors.input == number][0])
    return _write(_written("query", number, first))


def _written(kind: str, number: int, position: int) -> str:
    return f"{kind}-{number}-{position}"


def _write(point: str | None = None) -> None:
    if point is None:
        st.query_params.pop("point", None)
    else:
        st.query_params["point"] = point


def _beginning(found: AtlasInput) -> str:
    text = " ".join(found.texts)
    shown = visible(text[:BEGINNING] + ("…" if len(text) > BEGINNING else ""))
    return f"{found.id}: {isolated(shown)}" if text else found.id
