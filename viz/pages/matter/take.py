"""What was found, to be taken away."""

from collections.abc import Mapping

import numpy as np

from headlens.model.effects.explain.explanation import Explanation
from headlens.viz.export.about import about_recording
from headlens.viz.export.findings import Finding, of_heads, of_patches, of_tokens
from headlens.viz.pages.chosen_input import ChosenInput
from headlens.viz.pages.matter.place import positions_of, tokens_of
from headlens.viz.pages.matter.question import Question
from headlens.viz.pages.take_along import Again, take_findings
from headlens.viz.view.visible import visible


def take_heads(
    question: Question, chosen: ChosenInput, effects: np.ndarray, measured: tuple[str, str], *, signed: bool
) -> None:
    """The panel of a number of each head, [layer, head]; measured: how, and what the numbers are."""
    how, unit = measured
    heading = f"All heads, layers down, heads across: {unit}, of {visible(str(question.target))}"
    _take(question, chosen, [of_heads(effects, heading, unit, signed=signed)], f"{unit}, {how}")


def take_explanations(question: Question, chosen: ChosenInput, explained: Mapping[str, Explanation]) -> None:
    """The panel of explanations, by their titles."""
    recording, heading = question.recording, f"What {visible(str(question.target))} rests on"
    positions = positions_of(question)
    scores = {title: each.scores[positions] for title, each in explained.items()}
    tokens = [visible(token) for token in tokens_of(question)]
    if recording.photo is None:
        findings = [of_tokens(tokens, scores, heading)]
    else:
        findings = of_patches(recording.photo, tokens, scores, heading, prefix=recording.prefix_tokens)
    held = "; ".join(f"{title}: {each.held}" for title, each in explained.items())
    _take(question, chosen, findings, held)


def _take(question: Question, chosen: ChosenInput, findings: list[Finding], method: str) -> None:
    about = about_recording(question.recording)
    program = about.pop("program")
    about |= {"target": visible(str(question.target)), "method": method, "program": program}
    entry = chosen.run.entry()
    take_findings("matter", entry, findings, about, again=Again(chosen.request.model, chosen.request.call))
