"""What stands in for removed tokens or patches: the control, for explanations, scores and what is removed by hand."""

from collections.abc import Mapping

import streamlit as st

from headlens.model.effects.removal import removals
from headlens.model.effects.stand_ins import Removal
from headlens.viz.inputs.knob import knob
from headlens.viz.pages.matter.question import Question

REMOVED: Mapping[Removal, str] = {
    "mask": "[MASK]",
    "padding": "the padding token",
    "mean": "the mean embedding",
    "left out": "nothing: it is left out",
    "mean colour": "the mean colour",
    "blur": "a blur",
}


def pick_removal(question: Question) -> Removal | None:
    """What the address asks for, else the sensible first choice; None where nothing can stand in."""
    options = question.derive(
        "removals", "Trying what can be removed", lambda on_step: removals(question.experiment, question.target)
    )
    if not options:
        return None
    return knob(
        st.selectbox,
        "In place of what is removed",
        "removed",
        options=options,
        start=options[0],
        page="matter",
        format_func=REMOVED.__getitem__,
        width=260,
        help="For what is removed by hand, for occlusion and for scores. It changes the numbers: a blur flatters, and "
        "the shape of what was removed can itself give a class away.",
    )
