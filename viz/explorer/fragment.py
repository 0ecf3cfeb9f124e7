"""The explorer on a page: its view comes from the address, and goes back into it."""

from collections.abc import Callable
from typing import Protocol

import streamlit as st

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.element import explorer
from headlens.viz.explorer.payload import build
from headlens.viz.export.figures import saved_figure
from headlens.viz.pages.runtime import current_theme, working
from headlens.viz.view.address import PARAMETERS, read_address, read_view, write_view
from headlens.viz.view.bounds import bounds_of
from headlens.viz.view.pieces import groups_of, in_shown, in_tokens, pieces_of
from headlens.viz.view.view import View

Stage = Callable[[RecordingEntry], RecordingEntry]
Below = Callable[[RecordingEntry, View], None]


class Holder(Protocol):
    """Of a recording, which it may have to make again."""

    def entry(self) -> RecordingEntry:
        """The recording. Raises what making it raises."""


def whole(entry: RecordingEntry) -> RecordingEntry:
    """The recording as it is."""
    return entry


@st.fragment
def show_explorer(
    page: str,
    request: Holder,
    start: View,
    *,
    link: str,
    stage: Stage = whole,
    below: Below | None = None,
) -> None:
    """The linked views of a recording, in a fragment: a pin reruns nothing else.

    The address counts in tokens, where words are shown too: so it keeps its meaning, whatever is shown.

    Args:
        page: names the element, and the page's own part of the session.
        request: for what to show.
        start: the view where the address says nothing; it counts in tokens.
        link: what the page says of its address.
        stage: picks what is shown of the recording; it may draw how that is chosen.
        below: draws what belongs to the pinned view.
    """
    state, entry = st.session_state, stage(request.entry())
    recording, slot = entry.recording, st.empty()
    id, bounds, groups = entry.id, bounds_of(recording), groups_of(recording)
    key = f"{page}_explorer"
    asked = read_address(st.query_params, start, bounds_of(pieces_of(recording)))
    view = in_shown(groups, asked)
    address = state[f"{page}_address"] = st.query_params.to_dict()

    # The session keeps these functions for minutes after the tab was closed: so they hold no recording, which is large.
    def take_view() -> None:
        message = _message(state[key].view)
        if message.get("of", id) != id:  # told before this recording came, with the address of that time
            state[f"{page}_sent"] = None
            st.query_params.from_dict(address)
            return
        told = read_view(message, in_shown(groups, start), bounds)
        state[f"{page}_sent"] = message.get("has")
        others = {name: value for name, value in st.query_params.items() if name not in PARAMETERS}
        st.query_params.from_dict({**others, **write_view(in_tokens(groups, told, asked), start)})
        state[f"{page}_full"] = False

    def take_more() -> None:
        state[f"{page}_full"] = True
        state[f"{page}_hover"] = id

    def take_save() -> None:
        state[f"{page}_save"] = _message(state[key].save)

    save, request_to_save = None, state.pop(f"{page}_save", None)
    if request_to_save is not None:
        save = saved_figure(page, entry, view, request=request_to_save, theme=current_theme())
    small = recording.photo is None
    payload = build(
        entry,
        view,
        link=link,
        full=small or state.pop(f"{page}_full", False),
        hover=small or state.get(f"{page}_hover") == id,
        sent=state.get(f"{page}_sent") == id,
        save=save,
        work=lambda what, layers: working(slot, what, layers),
    )
    explorer(key, payload, on_view=take_view, on_more=take_more, on_save=take_save)
    if below is not None:
        below(entry, view)


def _message(value: object) -> dict[str, object]:
    """What the element tells, where it is of the kind that it sends."""
    return value if isinstance(value, dict) else {}
