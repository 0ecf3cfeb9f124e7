"""One head in A and in B: its weights side by side, and what they differ by."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from headlens.model.comparison.comparison import Head, HeadBeside
from headlens.viz.explorer.compared import build_pair
from headlens.viz.explorer.element import compared
from headlens.viz.inputs.heads import head_name
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.compare.correct import PINS
from headlens.viz.pages.compare.predicted import show_both_predictions
from headlens.viz.pages.compare.sides import Sides, unit_of
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.pair import PARAMETERS, PairView, read_pair, write_pair
from headlens.viz.view.start import first_view
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent
from headlens.viz.view.words import name_of

KEY = "compare_columns"
Queries = tuple[int | None, int | None]
Cell = tuple[int, int]  # the places of a query and of a key
NAMED = 6  # tokens without a partner


def show_head(sides: Sides, head: Head, other: Head, *, again: Callable[[], Sides]) -> None:
    """What is said of it, both heads side by side, and what the models predict.

    Args:
        sides: A and B.
        head: layer and head of A.
        other: those of B.
        again: makes the sides again where a pin asks for them, so that nobody but the cache holds the recordings.
    """
    comparison = sides.comparison
    beside = "" if head == other else f", beside {head_name(other)} of B"
    st.subheader(f"Layer {head[0]}, head {head[1]}{beside}", anchor=False)
    weights = comparison.beside(*head, other)
    most = _most(weights)
    st.markdown(f"{_largest(sides, weights, most)} {_alone(sides, weights)}")
    _show_columns(again, (head, other), _start(sides, most))


@st.fragment
def _show_columns(again: Callable[[], Sides], heads: tuple[Head, Head], start: PairView) -> None:
    """A and B beside each other, and what they predict, in a fragment: a pin reruns nothing else."""
    state, sides = st.session_state, again()
    tokens = sides.a.recording.num_tokens, sides.b.recording.num_tokens
    view = read_pair(st.query_params, start, tokens)
    address = state.compare_address = st.query_params.to_dict()
    both = (sides.a, sides.b)
    id, payload = build_pair(
        both, sides.comparison, heads, view, has=state.pop("compare_has", None), theme=current_theme()
    )

    def take_view() -> None:
        told = state[KEY].view
        message = told if isinstance(told, dict) else {}
        if message.get("of", id) != id:  # told before this pair came, with the address of that time
            st.query_params.from_dict(address)
            return
        state.compare_has = message.get("has")
        others = {name: value for name, value in st.query_params.items() if name not in PARAMETERS}
        st.query_params.from_dict(others | write_pair(read_pair(message, start, tokens)))

    compared(KEY, payload, on_view=take_view)
    state[PINS] = _pinned(sides, view)
    show_both_predictions(sides, state[PINS])


def _pinned(sides: Sides, view: PairView) -> Queries:
    """The queries of A and of B; None for one without a partner."""
    partners = sides.comparison.alignment.counterparts
    query, query2 = view.query, view.query2
    if query is None and query2 is not None and partners[1][query2] >= 0:
        query = int(partners[1][query2])
    elif query2 is None and query is not None and partners[0][query] >= 0:
        query2 = int(partners[0][query])
    return query, query2


def _present(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    alignment = sides.comparison.alignment
    return alignment.a.filled, alignment.b.filled


def _start(sides: Sides, most: Cell | None) -> PairView:
    """The queries that are pinned at first: those that differ most."""
    if most is None:
        return PairView(first_view(sides.a.recording).query, None)
    alignment = sides.comparison.alignment
    own, theirs = (int(positions[most[0]]) for positions in alignment.main_positions)
    if alignment.counterparts[0][own] == theirs:
        return PairView(own, None)
    if alignment.counterparts[1][theirs] == own:
        return PairView(None, theirs)
    return PairView(own, theirs)  # patches that share a part, each with a larger one elsewhere


def _most(weights: HeadBeside) -> Cell | None:
    """The places of the query and of the key that differ most; None where nothing differs.

    Queries that see one key alone, in A or in B, are left out, as in the divergence; unless no others differ.
    """
    sizes = np.nan_to_num(np.abs(weights.difference))
    if sizes[weights.free].any():
        sizes[~weights.free] = 0
    query, key = np.unravel_index(sizes.argmax(), sizes.shape)
    return (int(query), int(key)) if sizes.any() else None


def _largest(sides: Sides, weights: HeadBeside, most: Cell | None) -> str:
    """Where the weights differ most."""
    if most is None:
        return "It is the same in A and in B."
    at = _name(sides, most[1])
    own, theirs = (
        f"{percent(float(each[most]))} in {side}" if has[most[1]] else f"{at} has no partner in {side}"
        for side, each, has in zip("AB", (weights.a, weights.b), _present(sides))
    )
    between = ", " if all(has[most[1]] for has in _present(sides)) else "; "
    return f"It differs most in how much {_looks(sides, most[0])} at {at}: {own}{between}{theirs}."


def _alone(sides: Sides, weights: HeadBeside) -> str:
    """How much of the weight lies where the other has nothing."""
    alignment = sides.comparison.alignment
    if alignment.paired.all():
        return f"Every {unit_of(sides.a.recording)} has a partner."
    said = []
    for side, share, has in zip("AB", weights.unpaired, _present(sides)):
        places = np.flatnonzero(has & ~alignment.paired)
        if len(places):
            names = dict.fromkeys(_name(sides, int(place)) for place in places[:NAMED])  # a patch may be in several
            listed = ", ".join(names) + (", …" if len(places) > NAMED else "")
            said.append(f"{percent(share)} of {side}'s weight, on {listed}")
    return f"Without a partner: {'; '.join(said)}. They are hatched below."


def _looks(sides: Sides, place: int) -> str:
    """“it” looks; of a part, the patches that it is of: each looks as a whole."""
    a, b = _patches(sides, place)
    return f"{_name(sides, place)} looks" if a == b else f"A's {a} and B's {b} look"


def _name(sides: Sides, place: int) -> str:
    """“it”, of several of this name with its position, A's if it has one; patch (3, 4), or two, or a part."""
    if sides.a.recording.photo is None:
        alignment = sides.comparison.alignment
        name = alignment.names[place]
        own, theirs = (int(at[place]) for at in alignment.main_positions)
        position = f" ({theirs if own < 0 else own})" if alignment.names.count(name) > 1 else ""
        return f"“{plain(visible(name))}”{position}"
    a, b = _patches(sides, place)
    if a and b and a != b:
        parts = sides.comparison.alignment.parts
        by_hand = parts is None or parts[place] < 0
        return f"A's {a} and its partner, B's {b}" if by_hand else f"the part of A's {a} that B's {b} shows"
    return a or b


def _patches(sides: Sides, place: int) -> tuple[str, str]:
    """What A's and B's position at a place of photos is called; nothing where there is none, and of texts."""
    both = zip((sides.a.recording, sides.b.recording), sides.comparison.alignment.main_positions)
    if sides.a.recording.photo is None:
        return "", ""
    a, b = (plain(name_of(recording, int(at[place]))) if at[place] >= 0 else "" for recording, at in both)
    return a, b
