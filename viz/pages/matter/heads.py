"""The heads that an output rests on: the grid of all, to switch off, and the strongest in words."""

from functools import partial

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.analysis.ranks import spearman
from headlens.model.effects.heads import Change, Method, ablate, head_effects
from headlens.model.effects.logit_attribution import LogitAttribution, logit_attribution
from headlens.model.errors import HeadlensError
from headlens.model.progress import OnStep
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.effects import effect_grid
from headlens.viz.inputs.knob import knob, ordered_by_size
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.pages.chosen_input import ChosenInput
from headlens.viz.pages.matter.off import HeadsOff, switch
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.matter.take import take_heads
from headlens.viz.pages.matter.words import number, sentence
from headlens.viz.pages.parts import draw_figure, draw_heads
from headlens.viz.pages.runtime import current_theme

MEASURES = {
    "gradient": "estimated by the gradient",
    "exact": "exact",
    "sensitivity": "sensitivity",
    "logit": "direct logit attribution",
}
MEANS = {
    "exact": "**Exact**: how much the target changes when this head alone is switched off, each in turn. Source: "
    "Michel et al. 2019, section 3; with the mean as the stand-in: Wang et al. 2023, section 2.1.",
    "gradient": "**By the gradient**: the first-order estimate of that change, ⟨∂target/∂out, stand-in − out⟩, from "
    "one run forward and one back. Source: attribution patching, Nanda 2023; Kramár et al. 2024, equation 2.",
    "sensitivity": "**Sensitivity**: |⟨out, ∂target/∂out⟩|, of norm one in each layer: how strongly the target reacts "
    "to a gate on the head, in either direction. Source: Michel et al. 2019, equation 3 and section 4.1.",
    "logit": "**Direct logit attribution**: what the head itself writes into the logit, through the final norm with "
    "its scale frozen; what later layers make of it is not counted. Source: Elhage et al. 2021, *Residual stream*.",
}
METHODS: dict[str, Method] = {"gradient": "gradient", "exact": "exact", "sensitivity": "sensitivity"}
UNITS = {"logit": "part of the logit", "sensitivity": "sensitivity"}  # else
CHANGE = "change without it"
TOP = 10


def show_heads(question: Question, chosen: ChosenInput, off: HeadsOff, controls: DeltaGenerator) -> None:
    """The grid and what belongs to it; controls is a row for what chooses it."""
    measure, by_size = _controls(question, controls)
    if not question.target.has_gradient:
        st.caption(
            "How far an embedding moves is least, and flat, at the unchanged input: gradients are zero there, so heads "
            "are measured by switching each off."
        )
    if question.experiment.num_rows == 1 and off.stand_in == "mean":
        st.info("With one position the mean is each head's own output, so switching it off changes nothing: take zero.")
        off.controls()
        return
    try:
        effects, attribution = _measured(question, off, measure)
    except HeadlensError as error:
        show_error(error)
        return
    signed = measure != "sensitivity" and question.target.has_gradient
    grid, words = st.columns([1, 1], gap="medium")
    with grid:
        figure = effect_grid(
            effects,
            UNITS.get(measure, CHANGE),
            off=off.heads,
            pinned=off.pinned,
            by_size=by_size,
            signed=signed,
            theme=current_theme(),
        )
        draw_heads(
            figure,
            "matter_grid",
            partial(switch, off.heads),
            alt="What each head contributes to the target, a square for each; the largest are in words beside it.",
        )
        st.caption("Press a square to switch the head off, and again to switch it on.")
        off.controls()
    with words:
        st.markdown(MEANS[measure])
        _agreement(question, off)
        if attribution is not None:
            _other_parts(attribution)
        _strongest(question, off, effects, measure)
    take_heads(question, chosen, effects, (MEASURES[measure], UNITS.get(measure, CHANGE)), signed=signed)


def _controls(question: Question, row: DeltaGenerator) -> tuple[str, bool]:
    """The measure, and whether heads are ordered by size; in a row the measures would not wrap."""
    if st.session_state.pop("matter_cancelled", False):  # of a run that was stopped, the choice is told once more
        st.query_params.pop("measure", None)
    measure = knob(
        st.pills,
        "Contribution of each head",
        "measure",
        options=list(MEASURES) if question.target.has_gradient else ["exact"],
        start="gradient" if question.target.has_gradient else "exact",
        page="matter",
        required=True,
        format_func=MEASURES.__getitem__,
        help="Estimates take a moment; the exact one runs the model once for each head, from its layer on.",
    )
    with row:
        return measure, ordered_by_size("matter")


def _measured(question: Question, off: HeadsOff, measure: str) -> tuple[np.ndarray, LogitAttribution | None]:
    """[layer, head]; and of direct logit attribution all other parts."""
    if measure == "logit":
        attribution: LogitAttribution = question.derive(
            "logit", "Taking the logit apart", lambda on_step: logit_attribution(question.experiment, question.target)
        )
        return attribution.heads, attribution
    stop = st.empty()
    if measure == "exact" and question.target.has_gradient:
        stop.button(
            "Cancel", key="matter_cancel", on_click=_estimate_instead, help="Stop, and show the estimates instead."
        )
    effects = effects_of(question, off, METHODS[measure])
    stop.empty()
    return effects, None


def _estimate_instead() -> None:
    st.session_state.matter_cancelled = True


def effects_of(question: Question, off: HeadsOff, method: Method) -> np.ndarray:
    """[layer, head], computed once."""

    def compute(on_step: OnStep) -> np.ndarray:
        return head_effects(
            question.experiment, question.target, method=method, by=off.stand_in, stage=off.stage, on_step=on_step
        )

    what = "Switching off each head" if method == "exact" else "Following the gradient"
    return question.derive(("effects", method, off.stage, off.stand_in_key), what, compute)


def _agreement(question: Question, off: HeadsOff) -> None:
    """How well the estimates order the heads, where both have been measured."""
    kept = question.held(("effects", "exact", off.stage, off.stand_in_key))
    if not isinstance(kept, np.ndarray) or not question.target.has_gradient:
        return
    rho = spearman(kept.ravel(), effects_of(question, off, "gradient").ravel())
    st.markdown(
        f"On this input the estimates order the heads as the exact effects do with a rank correlation (Spearman) of "
        f"**{rho:.2f}**: 1 is the same order, 0 none."
    )


def _other_parts(attribution: LogitAttribution) -> None:
    parts = {
        "all heads": float(attribution.heads.sum()),
        "feed-forward": float(attribution.mlp.sum()),
        "embedding": attribution.embedding,
        "attention's biases": attribution.biases,
        "final norm's β, bias": attribution.norm_bias,
        "the logit": attribution.total,
    }
    names = list(parts)
    figure = bar_columns(
        names,
        names,
        {"part of the logit": np.array(list(parts.values()))},
        marked=len(names) - 1,
        theme=current_theme(),
    )
    draw_figure(figure, "The logit as a sum: " + ", ".join(f"{name} {value:.3f}" for name, value in parts.items()))


def _strongest(question: Question, off: HeadsOff, effects: np.ndarray, measure: str) -> None:
    """The strongest heads in words, each measured by switching it off."""
    st.markdown(f"**The {min(TOP, effects.size)} largest by this measure, each switched off by itself:**")
    order = np.argsort(-np.abs(effects).ravel(), kind="stable")[:TOP]
    heads = [divmod(int(index), effects.shape[1]) for index in order]

    def compute(on_step: OnStep) -> tuple[Change, ...]:
        changes = []
        for done, head in enumerate(heads):
            on_step(done, len(heads))
            changes.append(ablate(question.experiment, [head], question.target, by=off.stand_in, stage=off.stage))
        return tuple(changes)

    name = ("strongest", tuple(heads), off.stage, off.stand_in_key)
    changes = question.derive(name, "Switching off the largest", compute)
    lines = (
        f"{sentence([head], question.target, change)} The target moves by {number(change.after - change.before)}."
        for head, change in zip(heads, changes)
    )
    st.markdown("\n".join(f"1. {plain(line)}" for line in lines))
