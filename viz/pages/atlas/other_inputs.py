"""What a head that is looked at on another page does over the inputs of an atlas of its model, and the way there."""

import streamlit as st

from headlens.model.analysis.roles.naming import Named
from headlens.model.errors import HeadlensError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.atlas.chosen import SHIPPED, START, Chosen, open_chosen, opened_here
from headlens.viz.view.atlas import OverInputs, role_beside, role_over_inputs
from headlens.viz.view.derived import held_role_sums_of
from headlens.viz.view.pieces import pieces_of
from headlens.viz.view.roles import named_role
from headlens.viz.view.view import View

DOES_THAT = "Other inputs on which this head does that"
EXCITES = "Other inputs that excite this head most"  # of one that is called after no role
NAME = 80  # characters of a data set's name
# As long as the inputs of an atlas are on average, or as short: beyond that it is said. A square photo at 336 pixels
# has 1.6 times as many patches as the four at 224 have on average.
TIMES = 1.5


def show_other_inputs(entry: RecordingEntry, view: View) -> None:
    """The view's head over each atlas of its model: the visitor's own, and those that are shipped."""
    recording = pieces_of(entry.recording)
    for number, name in enumerate((*opened_here(), *SHIPPED)):
        try:
            chosen = open_chosen(name)
            if not chosen.is_of(recording):
                continue
            over = chosen.over_inputs((view.layer, view.head))
        except HeadlensError:
            continue  # its folder has gone or is damaged since: the page Atlas says so
        sums = held_role_sums_of(entry, view.layer)
        here = None if sums is None else named_role(recording, view.head, sums=sums)
        with st.container(key=f"atlas_way_{number}", horizontal=True, vertical_alignment="center"):
            st.markdown(_words(chosen, over, here, view, recording), width="content")
            _link(name, chosen, over, here, view)


def _words(chosen: Chosen, over: OverInputs, here: Named | None, view: View, recording: Recording) -> str:
    """Its role over the atlas, beside that on this input."""
    source = plain(f"the {chosen.kind} of {str(chosen.source.get('name'))[:NAME]}")
    parts = [role_over_inputs(over), role_beside(here, over), _what_differs(chosen, recording)]
    return f"**Layer {view.layer}, head {view.head} over {source}**: " + plain(" ".join(part for part in parts if part))


def _what_differs(chosen: Chosen, recording: Recording) -> str:
    """Where this input is much longer or shorter than those of the atlas, as of a photo at another size."""
    mean = chosen.mean_tokens
    if mean is None or mean / TIMES <= recording.num_tokens <= mean * TIMES:
        return ""
    size = "" if chosen.size is None else f", at size {chosen.size},"
    return (
        f"Those {chosen.kind}{size} have {mean:,.0f} tokens on average and this input has {recording.num_tokens:,}: "
        "heads may do something else there."
    )


def _link(name: str, chosen: Chosen, over: OverInputs, here: Named | None, view: View) -> None:
    """To the page Atlas, with its heads by what this one does: on this input, else on those, else what is nearest."""
    pages = st.session_state.get("listed_pages", {})
    if "Atlas" not in pages:
        return
    known = [named for named in (here, over.named) if named is not None]
    told = [named for named in known if named.role.key in chosen.atlas.measures]
    by = next((named for named in told if named.stands_out), told[0] if told else None)
    address = {"layer": str(view.layer), "head": str(view.head)}
    address |= {} if name == START else {"atlas": name}
    address |= {} if by is None else {"measure": by.role.key}
    st.page_link(
        pages["Atlas"],
        label=DOES_THAT if any(named.stands_out for named in known) else EXCITES,
        query_params=address,
        help=f"Opens the page Atlas at layer {view.layer}, head {view.head}: the inputs that excite it most, and how "
        "steady its role is.",
    )
