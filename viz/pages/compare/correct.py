"""Which tokens or patches of A and B correspond, to be corrected: held in the address."""

import streamlit as st

from headlens.model.comparison.corrections import MOST, Correction
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.messages import plain
from headlens.viz.inputs.pair import PairRequest
from headlens.viz.pages.compare.sides import Sides, unit_of
from headlens.viz.view.numbers import is_number
from headlens.viz.view.visible import visible

PARAMETER = "pairs"
ALONE = "x"  # in an address: no partner
PINNED, NOBODY = -1, -2  # in the lists: the patch that is pinned on that side, and none
PINS = "compare_pins"  # in the session: the positions that are pinned
HEIGHT = 210  # pixels of the list
PAIRING = (
    "To pair two that you see: switch off “One query for both” below, pin a patch in A and one in B, and press Pair. "
    "Or choose them here by their (row, column)."
)
DRAWN = (
    "What is paired by hand is drawn at its patch of A; what only B has there lies under it, and is not seen in A − B."
)


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
    """Those whose positions are there."""
    read = read_corrections(st.query_params.get(PARAMETER, ""))
    counts = a.num_tokens, b.num_tokens
    return tuple(pair for pair in read if all(at is None or at < count for at, count in zip(pair, counts)))


def show_alignment(sides: Sides, request: PairRequest) -> None:
    """What corresponds, folded, and the controls that pair others."""
    a, b, alignment = sides.a.recording, sides.b.recording, sides.comparison.alignment
    corrections = request.corrections
    by_hand = f", {len(corrections)} set by hand" if corrections else ""
    if a.photo is not None:
        by = "the part of the photo that they show" if request.same_photo else "their place in the photo"
        with st.expander(f"Patches of A and B correspond by {by}{by_hand}", key="compare_alignment"):
            st.caption(PAIRING)
            _controls(a, b, corrections)
        if corrections:
            st.caption(DRAWN)
        return
    groups = list(zip(alignment.a.groups, alignment.b.groups))
    paired = sum(1 for own, theirs in groups if own and theirs)
    title = f"Which tokens correspond: {paired} of {len(groups)} places are in A and in B{by_hand}"
    with st.expander(title, key="compare_alignment"):
        rows = [{"A": _names(a, own), "B": _names(b, theirs)} for own, theirs in groups]
        pairs, controls = st.columns(2, gap="medium")
        pairs.dataframe(rows, height=HEIGHT, alt="Each row: a token of A and its partner in B; empty where none is.")
        with controls:
            _controls(a, b, corrections)


def _controls(a: Recording, b: Recording, corrections: tuple[Correction, ...]) -> None:
    """Two lists, of patches with the pinned one first; the button that pairs; and what it has paired."""
    state, unit = st.session_state, unit_of(a)
    first = (NOBODY,) if a.photo is None else (PINNED, NOBODY)
    keys = [f"compare_{unit}_{name}" for name in "AB"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, key, recording in zip("AB", keys, (a, b)):
            names = {at: _name(recording, at) for at in (*first, *range(recording.num_tokens))}
            st.selectbox(
                f"{unit.capitalize()} of {name}",
                list(names),
                key=key,
                format_func=names.__getitem__,
                help=f"Choose one of A and one of B to pair them; or one and “no {unit}”, and it has no partner.",
            )

        def add() -> None:
            pins = state.get(PINS, (None, None))
            own, theirs = ({PINNED: pin, NOBODY: None}.get(state[key], state[key]) for key, pin in zip(keys, pins))
            if (pair := (own, theirs)) != (None, None):
                others = [each for each in corrections if not _both_say(each, pair)]  # the last word counts
                write_corrections((*others, pair))

        st.button("Pair", on_click=add, help="These two correspond, whatever was found.", key="compare_pair")
    if corrections:
        with st.container(horizontal=True, gap="small"):
            for index, (own, theirs) in enumerate(corrections):
                st.button(
                    f"{_partner(a, own)} = {_partner(b, theirs)} ✕",
                    key=f"compare_unpair_{index}",
                    on_click=write_corrections,
                    args=((*corrections[:index], *corrections[index + 1 :]),),
                    help="Take this correction back.",
                )
            st.button("As found", on_click=write_corrections, args=((),), help="Take all corrections back.")


def _both_say(one: Correction, other: Correction) -> bool:
    """Whether both are about one position of A, or of B."""
    return any(at is not None and at == also for at, also in zip(one, other))


def _names(recording: Recording, group: tuple[int, ...]) -> str:
    return " + ".join(visible(recording.tokens[at]) for at in group)


def _name(recording: Recording, at: int) -> str:
    if at < 0:
        return "the pinned one" if at == PINNED else f"no {unit_of(recording)}"
    name = visible(recording.tokens[at])
    return name if recording.photo is not None else f"{name} ({at})"  # patches are named by where they are


def _partner(recording: Recording, at: int | None) -> str:
    return plain(_name(recording, NOBODY if at is None else at))
