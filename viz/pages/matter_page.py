"""The page *Does it matter?*: what an output rests on, heads switched off, explanations side by side."""

import streamlit as st

from headlens.model.effects.heads import Change, ablate
from headlens.model.effects.occlusion import removed_change
from headlens.model.errors import HeadlensError
from headlens.viz.figures.effects import before_and_after
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.pages import parts
from headlens.viz.pages.chosen_input import ChosenInput, InputChooser
from headlens.viz.pages.matter.hand import removed_by_hand, show_moved_heads
from headlens.viz.pages.matter.heads import show_heads
from headlens.viz.pages.matter.off import heads_off
from headlens.viz.pages.matter.question import Question, ask
from headlens.viz.pages.matter.tokens import show_tokens
from headlens.viz.pages.matter.words import heads_in_words, moved, number, score
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.visible import visible

CHOOSER = InputChooser(
    "matter", {"text": ("text", "causal"), "image": ("image", "image-text"), "prompt": ("causal", "sequence")}
)
PARTS = {"heads": ("Heads",) * 2, "tokens": ("Tokens", "Patches"), "hand": ("By hand",) * 2}  # of a text, a photo
SHOWN = 5  # candidates
NAMED = 3  # removed tokens
DIGITS = 4  # of the target that count: a single head often changes little
HELP = "The number that everything on this page is about: a logit or the difference of two, a cosine, a saliency."
SCORE = "Of the candidate, as the model's pipeline gives it: a probability, for most."


def page() -> None:
    """Draw the page."""
    CHOOSER.arrive()
    st.header("Does it matter?", anchor=False)
    st.caption("Choose an output of the model; switch heads off, or take parts of the input away, and see it move.")
    chosen = CHOOSER.choose()
    _show(chosen)
    parts.camera()
    parts.model_line(chosen.run.entry().recording)
    st.caption(chosen.request.link)


def _show(chosen: ChosenInput) -> None:
    """All that changes while one input is looked at.

    It is not a fragment, so that any control that is used stops what still runs.
    """
    try:
        question = ask(chosen)
        value = st.container(key="matter_value")
        of_photo = question.recording.photo is not None
        part = knob(
            st.segmented_control,
            "What it rests on",
            "part",
            options=list(PARTS),
            start="heads",
            page="matter",
            required=True,
            format_func=lambda each: PARTS[each][of_photo],
            help="Only what you see is computed.",
        )
        if part == "hand":
            removed, how = removed_by_hand(question)
            with value:
                _value(
                    question,
                    removed_change(question.experiment, question.target, removed, how),
                    _removed_in_words(question, removed),
                )
            show_moved_heads(question, removed, how, question.experiment.stages[0])
        elif part == "tokens":
            with value:
                _value(question, ablate(question.experiment, (), question.target), "")
            show_tokens(question, chosen)
        else:
            controls = st.container(horizontal=True, vertical_alignment="bottom")
            with controls:
                off = heads_off(question)
            change = ablate(question.experiment, off.heads, question.target, by=off.stand_in, stage=off.stage)
            with value:
                _value(question, change, f"Without {heads_in_words(off.heads)}" if off.heads else "")
            show_heads(question, chosen, off, controls)
    except HeadlensError as error:
        show_error(error)
    CHOOSER.remember(chosen)


def _removed_in_words(question: Question, removed: tuple[int, ...]) -> str:
    if not removed:
        return ""
    if question.recording.photo is None and len(removed) <= NAMED:
        return "Without " + ", ".join(f"“{visible(question.recording.tokens[at])}”" for at in removed)
    what = "token" if question.recording.photo is None else "patch"
    plural = {"token": "tokens", "patch": "patches"}[what]
    return f"Without {len(removed)} {what if len(removed) == 1 else plural}"


def _value(question: Question, change: Change, how: str) -> None:
    """The target before and now, and its candidates."""
    numbers, candidates = st.columns([1, 1], gap="medium")
    with numbers:
        st.markdown(f"**Target:** {plain(str(question.target))}")
        with st.container(horizontal=True):
            delta = number(change.after - change.before).replace("\u2212", "-") if how else None  # its sign is read
            st.metric("Target now", number(change.after, DIGITS), delta, delta_color="off", width="content", help=HELP)
            st.metric("Target before", number(change.before, DIGITS), width="content")
            if change.probability_before is not None and change.probability_after is not None:
                st.metric("Score now", score(change.probability_after), width="content", help=SCORE)
                st.metric("Score before", score(change.probability_before), width="content")
        if how:
            st.markdown(plain(f"{how}, {moved(question.target, change)}."))
        elif not question.target.has_gradient:
            st.caption("It is 0 while nothing is changed: switch a head off, or take a token or patch away.")
    if change.candidates_before:
        best = [*change.candidates_before[:SHOWN], *change.candidates_after[:SHOWN]]
        shown = {each.logit: each.name for each in best}
        before = {each.logit: each.score for each in change.candidates_before}
        after = {each.logit: each.score for each in change.candidates_after}
        with candidates:
            figure = before_and_after(
                list(shown.values()),
                [before[logit] for logit in shown],
                [after[logit] for logit in shown],
                theme=current_theme(),
            )
            parts.draw_figure(figure, "The best candidates before and now")
