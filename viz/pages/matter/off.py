"""Which heads are off and what stands in for them: held in the address, chosen by presses and controls."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import Head, StandIn, num_heads, num_layers
from headlens.model.inputs.text import TextInput
from headlens.viz.inputs.heads import choose_heads, every_head, read_head, read_heads, write_heads
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.stages import TITLES

STAND_INS = {"mean": "its mean here", "zero": "zero", "other": "another input"}
MINIMAL_PAIR = {"kind": "prompt", "text": "The nurse said that she", "tokens": "1", "by": "other"}
OTHER_HALF = "The nurse said that he"


@dataclass(frozen=True)
class HeadsOff:
    """The heads of one stage that are off.

    Args:
        stage: of attention.
        heads: that are off.
        stand_in: what stands in for them.
        stand_in_key: what tells it from others.
        shape: layers and heads of the stage.
        pinned: the head that was pinned on the page that the visitor comes from.
    """

    stage: str
    heads: tuple[Head, ...]
    stand_in: StandIn
    stand_in_key: str
    shape: tuple[int, int]
    pinned: Head | None

    def controls(self) -> None:
        """The same as presses, for the keyboard, and whole layers."""
        state, off, shape = st.session_state, self.heads, self.shape  # not self, in what buttons keep: it is large
        layers, heads = shape
        choose_heads(
            "Heads that are off",
            "off",
            off,
            shape=shape,
            key="matter_off",
            placeholder="None: press a square, or choose here",
            help="Type a layer's or head's number to find one.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox("A whole layer", range(layers), key="matter_layer", width=100, help="To be switched off.")
            st.button(
                "Switch it off",
                on_click=lambda: write_heads(
                    "off", tuple(sorted({*off, *((state.matter_layer, head) for head in range(heads))}))
                ),
                help="All heads of that layer.",
            )
            st.button(
                "All but these",
                on_click=lambda: write_heads("off", [head for head in every_head(shape) if head not in off]),
                disabled=not off,
                help="Switch on what is off, and off what is on: choose one head first, to keep that one alone.",
            )
            st.button("Clear", on_click=lambda: write_heads("off", ()), disabled=not off, help="Switch all heads on.")


def switch(off: tuple[Head, ...], head: Head) -> None:
    """A head off, or on again, where these are off."""
    write_heads("off", tuple(sorted(set(off) ^ {head})))


def heads_off(question: Question) -> HeadsOff:
    """Draw the controls of the stage and the stand-in, and give what is off by the address."""
    experiment = question.experiment
    stages = list(experiment.stages)
    stage = stages[0]
    if len(stages) > 1:
        stage = knob(
            st.segmented_control,
            "Attention",
            "stage",
            options=stages,
            start=stages[0],
            page="matter",
            required=True,
            format_func=lambda each: TITLES.get(each, each),
            help="Which of the model's kinds of attention has its heads measured.",
        )
    stand_in, key = _stand_in(question)
    shape = num_layers(experiment, stage), num_heads(experiment, stage)
    return HeadsOff(
        stage,
        read_heads(st.query_params.get("off", ""), shape),
        stand_in,
        key,
        shape,
        read_head(shape) if stage == stages[0] else None,
    )


def _stand_in(question: Question) -> tuple[StandIn, str]:
    given = question.experiment.input
    options = ["mean", "zero", *(["other"] if isinstance(given, TextInput) else [])]
    by = knob(
        st.segmented_control,
        "In place of a head that is off",
        "by",
        options=options,
        start="mean",
        page="matter",
        required=True,
        format_func=STAND_INS.__getitem__,
        help="Its mean over this input's positions, up to the target's where the model reads from left to right: zero "
        "overstates what a head does, for later layers have never seen it. Another input with as many tokens: what the "
        "head gave there (activation patching, Vig et al. 2020).",
    )
    if by == "zero":
        return "zero", by
    if by == "mean":
        if question.experiment.num_rows == 1:
            st.caption("With one position the mean is the head's own output, so it changes nothing.")
        return "mean", by
    return _other_input(question)


def _other_input(question: Question) -> tuple[StandIn, str]:
    state, given = st.session_state, question.experiment.input
    text = st.query_params.get("patch", "")
    state.matter_patch = text

    def keep() -> None:
        st.query_params["patch"] = state.matter_patch

    st.text_input(
        "The other input",
        key="matter_patch",
        on_change=keep,
        max_chars=2_000,
        placeholder=OTHER_HALF,
        help="With the same number of tokens as this one. Press Enter.",
    )
    st.button("A sample pair", on_click=_take_pair, help=f"“{MINIMAL_PAIR['text']}”, and “{OTHER_HALF}” in its place.")
    if not text.strip():
        st.info("Until the other input is given, the mean stands in.")
        return "mean", "mean"
    other = question.derive_anew(("other", text), lambda: _experiment_on(question, text, given))
    if other.num_rows != question.experiment.num_rows:
        show_error(
            f"The other input has {other.num_rows} tokens and this one {question.experiment.num_rows}; give one with "
            "as many, and until then the mean stands in."
        )
        return "mean", "mean"
    return other, f"other {text}"


def _experiment_on(question: Question, text: str, given: Any) -> Experiment:
    """The same model on another text; what was written after this one's prompt stands after it too."""
    from headlens.model.effects.choices import num_written

    model = question.experiment.model
    other = model.read(text)  # type: ignore[attr-defined]  # of every model whose input is a text
    if (written := num_written(given)) > 0:
        other = model.with_written(other, given.ids[-written:])  # type: ignore[attr-defined]
    return Experiment(model, other)


def _take_pair() -> None:
    st.query_params.from_dict({**MINIMAL_PAIR, "patch": OTHER_HALF})
