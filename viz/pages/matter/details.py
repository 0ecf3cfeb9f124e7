"""What else makes a target, beside its kind: a candidate and another, a sentence, a region of patches."""

from typing import Any, TypedDict

import streamlit as st

from headlens.model.effects.choices import Choice, Region, candidate_id, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import InputError
from headlens.model.recording.parts import Candidate
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.messages import show_error
from headlens.viz.view.numbers import is_number
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent

AGAINST = {"second": "the second best", "others": "all others together", "none": "nothing (the logit itself)"}


class Details(TypedDict, total=False):
    """Arguments of `choices.target`, of those that a kind of target has."""

    candidate: int | str
    against: int | str | None
    other: str | None
    region: Region | None


def target_details(entry: RecordingEntry, experiment: Experiment, choice: Choice, *, other: str | None) -> Details:
    """What else makes the target, by the address and the controls: arguments of `choices.target`."""
    if choice.kind == "similarity":
        return {"other": other or _other_sentence()}
    if choice.kind == "saliency":
        first = entry.derive(("target", (choice, None)), lambda: target(experiment, choice))  # the decoder runs once
        return {"region": _region(experiment, first)}
    if choice.kind == "movement":
        return {}
    first, best = entry.derive(("best", choice), lambda: _best(experiment, choice))
    _look_up(experiment, first)
    names = {each.logit: f"{_trimmed(each.name)} · {percent(each.score)}" for each in best}
    candidate = _candidate(experiment, first, "Candidate", "answer", [each.logit for each in best], names)
    rest = [each.logit for each in best if each.logit != candidate]
    if st.query_params.get("against") == str(candidate):
        st.query_params.pop("against")  # nothing is compared with itself
    against = _candidate(experiment, first, "Less that of", "against", [*AGAINST, *rest], {**AGAINST, **names})
    return {"candidate": candidate, "against": None if against == "none" else against}


def _best(experiment: Experiment, choice: Choice) -> tuple[LogitTarget, list[Candidate]]:
    """The logit of the best candidate, and the ten best ones."""
    first = target(experiment, choice, against=None)
    assert isinstance(first, LogitTarget)
    return first, first.candidates(experiment.model, experiment.unchanged_for(first))


def _look_up(experiment: Experiment, asked: LogitTarget) -> None:
    """Write what was typed in place of a candidate into the address, or say why it is none."""
    for name in ("answer", "against"):
        if (typed := st.session_state.pop(f"matter_{name}_typed", None)) is not None:
            try:
                st.query_params[name] = str(candidate_id(experiment, asked, typed))
            except InputError as error:
                show_error(error)


def _candidate(
    experiment: Experiment,
    asked: LogitTarget,
    label: str,
    name: str,
    options: list[Any],
    names: dict[Any, str],
) -> Any:
    """A candidate by its number, or one of AGAINST; the address has the same."""
    params, state, key = st.query_params, st.session_state, f"matter_{name}"
    written, chosen = params.get(name, ""), options[0]
    if written in AGAINST and written in options:
        chosen = written
    elif is_number(written, 7):
        try:
            chosen = candidate_id(experiment, asked, int(written))
        except InputError:
            params.pop(name)
    if chosen not in options:
        options = [*options, chosen]
        name_of = experiment.model.predictor.name  # type: ignore[attr-defined]
        names = {**names, chosen: _trimmed(str(name_of(chosen)))}
    state[key] = chosen

    def keep() -> None:
        value = state[key]
        if isinstance(value, str) and value not in options:
            state[f"{key}_typed"] = value  # looked up by the page, for what this function holds outlives the tab
        else:
            params[name] = str(value)

    what = "Whose logit is asked about" if name == "answer" else "The logit that is subtracted"
    st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda each: names.get(each, str(each)),
        on_change=keep,
        accept_new_options=True,
        width=190,
        help=f"{what}: one of the ten most probable, or type another word that is a single token of the model.",
    )
    return chosen


def _trimmed(name: str) -> str:
    return visible(name.strip(" ") or name)


def _other_sentence() -> str | None:
    """What a sentence is compared with."""
    st.session_state.matter_other = st.query_params.get("other", "")

    def keep() -> None:
        st.query_params["other"] = st.session_state.matter_other

    st.text_input(
        "Compared with",
        key="matter_other",
        on_change=keep,
        max_chars=2_000,
        width=320,
        help="Another sentence; its embedding stays as it is. Press Enter.",
    )
    return str(st.session_state.matter_other) or None


def _region(experiment: Experiment, first: Target) -> Region | None:
    """A rectangle of patches; None: the most salient patch."""
    rows, columns = experiment.input.photo.grid
    numbers = st.query_params.get("region", "").split(".")
    region: list[int] | None = None
    if len(numbers) == 4 and all(is_number(number, 4) for number in numbers):
        top, left, bottom, right = map(int, numbers)
        if top <= bottom < rows and left <= right < columns:
            region = [top, left, bottom, right]
    state = st.session_state
    (top, below), (left, behind) = first.rows, first.columns  # type: ignore[attr-defined]
    state.matter_region = [top, left, below - 1, behind - 1] if region is None else region
    names = ("from row", "from column", "to row", "to column")

    def keep(at: int) -> None:
        picked = [state[f"matter_{name}"] for name in names]
        if picked[at % 2] > picked[at % 2 + 2]:
            picked[(at + 2) % 4] = picked[at]  # the other side moves along
        st.query_params["region"] = ".".join(map(str, picked))

    with st.popover("The region", help="Which patches; without a choice, the most salient one."):
        for at, (name, value, most) in enumerate(zip(names, state.matter_region, (rows, columns, rows, columns))):
            state[f"matter_{name}"] = value
            st.number_input(
                name.capitalize(),
                0,
                most - 1,
                key=f"matter_{name}",
                on_change=keep,
                args=(at,),
                help="Of the patches, counted from 0 at the upper left.",
            )
    if region is None:
        return None
    top, left, bottom, right = region
    return (top, bottom + 1), (left, right + 1)
