"""What an output rests on, token by token or patch by patch: explanations side by side, and how far to believe each."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import streamlit as st

from headlens.model.effects.explain.explanation import Explanation
from headlens.model.effects.explain.methods import METHODS, explain, why_not
from headlens.model.effects.occlusion import occlusion
from headlens.model.effects.stand_ins import Removal
from headlens.model.errors import HeadlensError
from headlens.viz.figures.explanations import Scored, explained_photo, explained_tokens
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.chosen_input import ChosenInput
from headlens.viz.pages.matter.place import positions_of, tokens_of
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.matter.removed import REMOVED, pick_removal
from headlens.viz.pages.matter.scores import show_scores
from headlens.viz.pages.matter.take import take_explanations
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import current_theme

Option = TypeVar("Option")
Options = Mapping[str, float | str | None]
OCCLUSION = "occlusion"
TITLES = {**{key: method.title for key, method in METHODS.items()}, OCCLUSION: "Occlusion, one at a time"}
ABOUT_OUTPUT = [*(key for key, method in METHODS.items() if method.about_output), OCCLUSION]
FLOWS = [key for key, method in METHODS.items() if not method.about_output]
GROUPS = {"About this output": ABOUT_OUTPUT, "Where information could flow, not about this output": FLOWS}
AT_ONCE = ("chefer", "gradient_input", "rollout", "attention")  # quick ones, shown at first
MOVES = (OCCLUSION, "rollout", "attention")  # the same for targets without a gradient
PHOTO_STEPS = 32  # of integrated gradients; how far they are from complete is said
OCCLUSION_HELP = (
    "Each token or patch removed by itself: how much the target loses. Source: Zeiler & Fergus 2014, section 4.2."
)


def show_tokens(question: Question, chosen_input: ChosenInput) -> None:
    """The explanations that were chosen, and their scores."""
    first = AT_ONCE if question.target.has_gradient else MOVES
    chosen = _methods(first)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        removed = pick_removal(question)
        options = _method_options(question, chosen)
    explained, reasons = dict[str, Explanation](), dict[str, str]()
    for method in chosen:
        try:
            missing = None if method == OCCLUSION else _why_not(question, method)
            if missing is None:
                explained[method] = _explanation(question, method, removed, options.get(method, {}))
            else:
                reasons[method] = missing
        except HeadlensError as error:
            reasons[method] = str(error)
    if explained:
        _draw(question, explained)
    for method, reason in reasons.items():
        st.caption(f"{TITLES[method]}: {plain(reason)}")
    with st.expander("What each method says"):
        for method in explained:
            st.markdown(_about(explained[method], method))
    if explained:
        take_explanations(question, chosen_input, {TITLES[method]: each for method, each in explained.items()})
    if explained and removed is not None:
        show_scores(question, {TITLES[method]: each for method, each in explained.items()}, removed)


def _methods(first: Sequence[str]) -> list[str]:
    """Which explanations the address asks for; drawn as two rows of pills."""
    written = st.query_params.get("methods")
    chosen = list(first) if written is None else [method for method in TITLES if method in written.split("-")]
    state = st.session_state
    rows = {"matter_output": ABOUT_OUTPUT, "matter_flow": FLOWS}

    def keep() -> None:
        picked = {*state.matter_output, *state.matter_flow}
        st.query_params["methods"] = "-".join(method for method in TITLES if method in picked) or "none"

    labels = {"matter_output": "Explanations of this output", "matter_flow": "Where information could flow"}
    helps = {
        "matter_output": "How much each token or patch adds to the target, by the method's idea of that.",
        "matter_flow": "What attention alone would let through; it does not know the target.",
    }
    for key, methods in rows.items():
        state[key] = [method for method in chosen if method in methods]
        st.pills(
            labels[key],
            methods,
            key=key,
            selection_mode="multi",
            on_change=keep,
            format_func=TITLES.__getitem__,
            help=helps[key],
        )
    return chosen


def _method_options(question: Question, chosen: Sequence[str]) -> dict[str, Options]:
    """What some of the methods leave to choose, by the address."""
    layers = question.recording.num_layers
    options: dict[str, Options] = {}
    with st.popover("Options of the methods", help="What some of the chosen methods leave open."):
        if "chefer" in chosen:
            first = _option("Relevance: the first layer that counts", "first", range(layers), start=0)
            options["chefer"] = {"first_layer": first}
        if "legrad" in chosen:
            last = _option("LeGrad: how many of the last layers", "last", range(1, layers + 1), start=min(2, layers))
            options["legrad"] = {"layers": last}
        if "norms" in chosen:
            layer = _option("Norms: the layer", "norms", range(layers), start=layers - 1)
            options["norms"] = {"layer": layer}
        if "rollout" in chosen:
            share = _option("Rollout: share of the residual connection", "share", (0.1, 0.3, 0.5, 0.7, 0.9), start=0.5)
            fusion = _option("Rollout: heads are fused by their", "fusion", ("mean", "min", "max"), start="mean")
            options["rollout"] = {"share": share, "fusion": fusion}
        if not options:
            st.caption("None of the chosen methods has any.")
    return options


def _option(label: str, name: str, options: Sequence[Option], *, start: Option) -> Option:
    return knob(
        st.selectbox,
        label,
        name,
        options=options,
        start=start,
        page="matter",
        help="Layers count from 0. What was chosen is said below the figures.",
    )


def _why_not(question: Question, method: str) -> str | None:
    return why_not(question.experiment, question.target, method)


def _explanation(question: Question, method: str, removed: Removal | None, options: Options) -> Explanation:
    if method != OCCLUSION:
        if method == "integrated" and question.recording.photo is not None:
            options = {"steps": PHOTO_STEPS}
        return question.derive(
            ("explanation", method, *options.items()),
            TITLES[method],
            lambda on_step: explain(
                question.experiment,
                question.target,
                method,
                **options,
                **({"on_step": on_step} if METHODS[method].many_steps else {}),
            ),
        )
    how: Removal = "left out" if removed is None else removed
    scores = question.derive(
        ("occlusion", how),
        TITLES[OCCLUSION],
        lambda on_step: occlusion(question.experiment, question.target, how, on_step=on_step),
    )
    return Explanation(OCCLUSION, scores, True, True, f"In place of what is removed: {REMOVED[how]}.")


def _draw(question: Question, explained: Mapping[str, Explanation]) -> None:
    recording, theme = question.recording, current_theme()
    positions, tokens = positions_of(question), tokens_of(question)
    groups = {
        heading: {
            TITLES[method]: Scored(explained[method].scores[positions], explained[method].signed)
            for method in methods
            if method in explained
        }
        for heading, methods in GROUPS.items()
    }
    groups = {heading: group for heading, group in groups.items() if group}
    alt = "; ".join(
        f"{title}: most on {_strongest(tokens, each.scores)}"
        for group in groups.values()
        for title, each in group.items()
    )
    if recording.photo is None:
        draw_figure(explained_tokens(tokens, groups, recording.special, theme=theme), alt)
    else:
        draw_figure(explained_photo(recording.photo, groups, prefix=recording.prefix_tokens, theme=theme), alt)


def _strongest(tokens: Sequence[str], scores: np.ndarray) -> str:
    return ", ".join(tokens[int(index)] for index in np.argsort(-scores, kind="stable")[:3])


def _about(explanation: Explanation, method: str) -> str:
    held = plain(explanation.held).rstrip(".")
    if method == OCCLUSION:
        return f"**{TITLES[method]}.** {OCCLUSION_HELP} {held}."
    about = METHODS[method]
    return f"**{about.title}.** {about.help} {held}. Source: {about.source}."
