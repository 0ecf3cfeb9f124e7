"""Which tokens of A and B correspond, to be corrected: held in the address."""

from functools import partial

import streamlit as st

from headlens.model.comparison.corrections import MOST, Correction
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.messages import plain
from headlens.viz.inputs.pair import PairRequest
from headlens.viz.pages.compare.sides import Sides
from headlens.viz.view.numbers import is_number
from headlens.viz.view.visible import visible

PARAMETER = "pairs"
ALONE = "x"  # in an address: no partner
NOBODY = "no token"
HEIGHT = 210  # pixels of the list


def read_corrections(written: str) -> tuple[Correction, ...]:
    """As the address has them, "3.4-5.x-x.7"; whatever is wrong in it is left out."""
    found = []
    for part in written[:1_000].split("-"):
        own, _, theirs = part.partition(".")
        if all(each == ALONE or is_number(each, 5) for each in (own, theirs)):
            pair = tuple(None if each == ALONE else int(each) for each in (own, theirs))
            found += [] if pair == (None, None) else [(pair[0], pair[1])]
    return tuple(found[:MOST])


def write_corrections(corrections: tuple[Correction, ...]) -> None:
    """Into the address, the last MOST of them."""
    if corrections:
        st.query_params[PARAMETER] = "-".join(
            f"{ALONE if own is None else own}.{ALONE if theirs is None else theirs}"
            for own, theirs in corrections[-MOST:]
        )
    else:
        st.query_params.pop(PARAMETER, None)


def corrections_in_address(a: Recording, b: Recording) -> tuple[Correction, ...]:
    """Those whose tokens are there; none of photos, whose patches correspond by the part that they show."""
    if a.grid is not None:
        return ()
    read = read_corrections(st.query_params.get(PARAMETER, ""))
    counts = a.num_tokens, b.num_tokens
    return tuple(pair for pair in read if all(at is None or at < count for at, count in zip(pair, counts)))


def show_alignment(sides: Sides, request: PairRequest) -> None:
    """The tokens that correspond, folded, and the controls that pair others."""
    a, b, alignment = sides.a.recording, sides.b.recording, sides.comparison.alignment
    corrections = request.corrections
    if a.grid is not None:
        by = "the part of the photo that they show" if request.same_photo else "their place in the photo"
        st.caption(f"Patches of A and B correspond by {by}.")
        return
    groups = list(zip(alignment.a.groups, alignment.b.groups))
    paired = sum(1 for own, theirs in groups if own and theirs)
    title = f"Which tokens correspond: {paired} of {len(groups)} places are in A and in B"
    title += f", {len(corrections)} set by hand" if corrections else ""
    with st.expander(title, key="compare_alignment"):
        rows = [{"A": _names(a, own), "B": _names(b, theirs)} for own, theirs in groups]
        pairs, controls = st.columns(2, gap="medium")
        pairs.dataframe(rows, height=HEIGHT, alt="Each row: a token of A and its partner in B; empty where none is.")
        with controls:
            _controls(a, b, corrections)


def _controls(a: Recording, b: Recording, corrections: tuple[Correction, ...]) -> None:
    state = st.session_state
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, recording in (("A", a), ("B", b)):
            st.selectbox(
                f"Token of {name}",
                list[int | None]([None, *range(recording.num_tokens)]),
                key=f"compare_pair_{name}",
                format_func=partial(_name, recording),
                placeholder=NOBODY,
                help="Choose one of A and one of B to pair them; or one and “no token”, and it has no partner.",
            )

        def add() -> None:
            pair = state.compare_pair_A, state.compare_pair_B
            if pair != (None, None):
                same = [each for each in corrections if each != pair]
                write_corrections((*same, pair))

        st.button("Pair", on_click=add, help="These two correspond, whatever was found.", key="compare_pair")
    if corrections:
        with st.container(horizontal=True, gap="small"):
            for index, (own, theirs) in enumerate(corrections):
                st.button(
                    f"{plain(_name(a, own))} = {plain(_name(b, theirs))} ✕",
                    key=f"compare_unpair_{index}",
                    on_click=write_corrections,
                    args=((*corrections[:index], *corrections[index + 1 :]),),
                    help="Take this correction back.",
                )
            st.button("As found", on_click=write_corrections, args=((),), help="Take all corrections back.")


def _names(recording: Recording, group: tuple[int, ...]) -> str:
    return " + ".join(visible(recording.tokens[at]) for at in group)


def _name(recording: Recording, at: int | None) -> str:
    return NOBODY if at is None else f"{visible(recording.tokens[at])} ({at})"
