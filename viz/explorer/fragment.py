"""The explorer on a page: its view comes from the address, and goes back into it."""

from collections.abc import Callable

import streamlit as st

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.element import explorer
from headlens.viz.explorer.payload import build
from headlens.viz.export.figures import saved_figure
from headlens.viz.pages.runtime import RecordingRequest, working
from headlens.viz.view.address import Bounds, View, read_view, write_view

Stage = Callable[[RecordingEntry], RecordingEntry]
Below = Callable[[Recording, View], None]


def whole(kept: RecordingEntry) -> RecordingEntry:
    """The recording as it is."""
    return kept


@st.fragment
def show_explorer(
    page: str, recorded: RecordingRequest, start: View, link: str, stage: Stage = whole, below: Below | None = None
) -> None:
    """The linked views of a recording, in a fragment: a pin reruns nothing else.

    Args:
        page: names the element, and the page's own part of the session.
        recorded: what to show.
        start: the view where the address says nothing.
        link: what the page says of its address.
        stage: picks what is shown of the recording.
        below: draws what belongs to the pinned view.
    """
    state, kept = st.session_state, stage(recorded.kept())
    recording, place = kept.recording, st.empty()
    bounds = Bounds(recording.num_layers, recording.num_heads, recording.num_tokens)
    key = f"{page}_explorer"
    view = read_view(st.query_params, start, bounds)
    state[f"{page}_address"] = st.query_params.to_dict()

    def take_view() -> None:
        said = _said(state[key].view)
        taken = read_view(said, start, bounds)
        state[f"{page}_sent"] = said.get("has")
        others = {name: value for name, value in st.query_params.items() if name not in View.__dataclass_fields__}
        st.query_params.from_dict({**others, **write_view(taken, start)})
        state[f"{page}_full"] = False

    def take_more() -> None:
        state[f"{page}_full"] = True
        state[f"{page}_hover"] = kept.key

    def take_save() -> None:
        state[f"{page}_save"] = _said(state[key].save)

    save = None
    if (asked := state.pop(f"{page}_save", None)) is not None:
        save = saved_figure(page, kept, view, asked)
    small = recording.photo is None
    full = small or state.pop(f"{page}_full", False)
    hover = small or state.get(f"{page}_hover") == kept.key
    sent = state.get(f"{page}_sent") == kept.key
    payload = build(kept, view, link, full, hover, sent, save, lambda what, layers: working(place, what, layers))
    explorer(key, payload, take_view, take_more, take_save)
    if below is not None:
        below(recording, view)


def _said(value: object) -> dict:
    """What the element says, where it is of the kind that it sends."""
    return value if isinstance(value, dict) else {}
