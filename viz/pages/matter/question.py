"""What the page asks: a model on an input, and the output that is asked about, with the controls that choose it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st

from headlens.model.base import AnyModel, RecordingModel
from headlens.model.effects.choices import Choice, Region, candidate_id, choices, name_at, num_written, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import InputError
from headlens.model.inputs.text import TextInput
from headlens.model.progress import OnStep
from headlens.model.protocol import ImageTextModel, WritingModel
from headlens.model.recording.parts import Candidate
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import show_error
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.inputs.prompt import PromptRequest
from headlens.viz.inputs.text import TextRequest
from headlens.viz.pages.chosen_input import ChosenInput
from headlens.viz.pages.runtime import get_model, stepping
from headlens.viz.view.visible import visible
from headlens.viz.view.wording import percent

Result = TypeVar("Result")
AskedExperiment = Experiment
TITLES = {
    "class": "the class",
    "start": "where the answer starts",
    "end": "where the answer ends",
    "similarity": "its similarity to another sentence",
    "movement": "how far its embedding moves",
    "saliency": "the saliency of a region",
}
AGAINST = {"second": "the second best", "others": "all others together", "none": "nothing (the logit itself)"}


@dataclass(frozen=True)
class Question:
    """An output of a model on an input."""

    entry: RecordingEntry
    experiment: AskedExperiment
    target: Target
    key: Hashable  # of the target, among those of this input

    @property
    def recording(self) -> Recording:
        """Of the input."""
        return self.entry.recording

    def derive(self, name: Hashable, what: str, compute: Callable[[OnStep], Result]) -> Result:
        """A result, kept beside the recording; while it is computed, the page shows how far it is."""

        def run() -> Result:
            with stepping(what) as on_step:
                return compute(on_step)

        return self.entry.derive((name, self.key), run)

    def derive_anew(self, name: Hashable, compute: Callable[[], Result]) -> Result:
        """What no target changes, kept beside the recording."""
        return self.entry.derive(name, compute)

    def held(self, name: Hashable) -> object | None:
        """A result, if it is kept; else None."""
        return self.entry.held((name, self.key))


def ask(chosen: ChosenInput) -> Question:
    """Draw the controls, and give what is asked. Raises InputError, CheckpointError, DeviceError."""
    entry, other = _entry(chosen)
    experiment = entry.derive("experiment", lambda: Experiment(_model(chosen), _read(chosen, entry)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        options = choices(experiment)
        choice = knob(
            st.selectbox,
            "What is asked about",
            "ask",
            options=options,
            start=Choice("similarity") if other is not None else _first(experiment, options),
            page="matter",
            format_func=lambda each: _title(experiment, each),
            width=300,
            help="One number that the model gives. Everything below says what it rests on.",
        )
        details = _details(entry, experiment, choice, other=other)
        key = choice, *details.values()
        asked = entry.derive(("target", key), lambda: target(experiment, choice, **details))
    return Question(entry, experiment, asked, key)


def _entry(chosen: ChosenInput) -> tuple[RecordingEntry, str | None]:
    """The recording of what is run; of a pair that is only compared, of the first sentence, and the other one."""
    entry, request = chosen.run.entry(), chosen.request
    if isinstance(request, TextRequest) and len(request.texts) == 2 and "similarity" in entry.recording.outputs:
        second = knob(
            st.segmented_control,
            "The sentence that is run",
            "run",
            options=[0, 1],
            start=0,
            page="matter",
            required=True,
            format_func=["the first", "the second"].__getitem__,
            help="The model reads the two sentences one by one. One is run again with changes; the other one's "
            "embedding stays as it is.",
        )
        alone = TextRequest(request.model, (request.texts[second],))
        return alone.record().entry(), request.texts[1 - second]
    return entry, None


def _model(chosen: ChosenInput) -> AnyModel:
    model = get_model(chosen.request.model)
    assert isinstance(model, RecordingModel)
    return model


def _read(chosen: ChosenInput, entry: RecordingEntry) -> object:
    """The input, as the model reads it."""
    request, model = chosen.request, get_model(chosen.request.model)
    if isinstance(request, PromptRequest):
        assert isinstance(model, WritingModel)
        return model.continued(request.prompt, request.tokens)
    if isinstance(request, PhotoRequest):
        if isinstance(model, ImageTextModel):
            assert request.text is not None
            return model.prompt(request.read(), request.text)
        return request.read()
    texts = entry.recording.texts
    return TextRequest(request.model, texts).read()


def _first(experiment: AskedExperiment, options: list[Choice]) -> Choice:
    """The first choice: at the token that was pinned on the page that the visitor comes from, where there is one."""
    written = num_written(experiment.input) if isinstance(experiment.input, TextInput) else 0
    pinned = st.query_params.get("query", "")
    if pinned.isascii() and pinned.isdigit() and len(pinned) < 7:
        at = int(pinned)
        at -= written > 0 and at >= len(experiment.input.ids) - written  # what was written there is asked about
        for option in options:
            if option.at == at:
                return option
    return options[0]


def _title(experiment: AskedExperiment, choice: Choice) -> str:
    if choice.at is None:
        return TITLES[choice.kind]
    name = visible(name_at(experiment, choice.at))
    of = {"next": "the token after", "mask": "the token behind", "token class": "the class of"}[choice.kind]
    return f"{of} “{name}” (token {choice.at})"


def _details(
    entry: RecordingEntry, experiment: AskedExperiment, choice: Choice, *, other: str | None
) -> dict[str, Any]:
    """What else makes the target, by the address and the controls: arguments of `choices.target`."""
    if choice.kind == "similarity":
        return {"other": other or _other_sentence()}
    if choice.kind == "saliency":
        first = entry.derive(("target", (choice, None)), lambda: target(experiment, choice))  # the decoder runs once
        return {"region": _region(experiment, first)}
    if choice.kind == "movement":
        return {}
    first, best = entry.derive(("best", choice), lambda: _best(experiment, choice))
    names = {each.logit: f"{visible(each.name.strip(' ') or each.name)} · {percent(each.score)}" for each in best}
    candidate = _candidate(experiment, first, "Candidate", "answer", [each.logit for each in best], names)
    rest = [each.logit for each in best if each.logit != candidate]
    if st.query_params.get("against") == str(candidate):
        st.query_params.pop("against")  # nothing is compared with itself
    against = _candidate(experiment, first, "Less that of", "against", [*AGAINST, *rest], {**AGAINST, **names})
    return {"candidate": candidate, "against": None if against == "none" else against}


def _best(experiment: AskedExperiment, choice: Choice) -> tuple[LogitTarget, list[Candidate]]:
    """The logit of the best candidate, and the ten best ones."""
    first = target(experiment, choice, against=None)
    assert isinstance(first, LogitTarget)
    return first, first.candidates(experiment.model, experiment.unchanged_for(first))


def _candidate(
    experiment: AskedExperiment,
    asked: LogitTarget,
    label: str,
    name: str,
    options: list[Any],
    names: dict[Any, str],
) -> Any:
    """A candidate by its number, or one of AGAINST; the address has the same."""
    params, key = st.query_params, f"matter_{name}"
    written, chosen = params.get(name, ""), options[0]
    if written in AGAINST and written in options:
        chosen = written
    elif written.isascii() and written.isdigit() and len(written) < 8:
        try:
            chosen = candidate_id(experiment, asked, int(written))
        except InputError:
            params.pop(name)
    if chosen not in options:
        options = [*options, chosen]
        names = {**names, chosen: visible(_name(experiment, chosen))}
    if (refusal := st.session_state.pop(f"{key}_refused", None)) is not None:
        show_error(refusal)
    st.session_state[key] = chosen

    def keep() -> None:
        value = st.session_state[key]
        if isinstance(value, str) and value not in AGAINST:
            try:
                value = candidate_id(experiment, asked, value)
            except InputError as error:
                st.session_state[f"{key}_refused"] = str(error)
                return
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


def _name(experiment: AskedExperiment, candidate: int) -> str:
    return str(experiment.model.predictor.name(candidate)).strip(" ")  # type: ignore[attr-defined]


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


def _region(experiment: AskedExperiment, first: Target) -> Region | None:
    """A rectangle of patches; None: the most salient patch."""
    rows, columns = experiment.input.photo.grid
    numbers = st.query_params.get("region", "").split(".")
    region: list[int] | None = None
    if len(numbers) == 4 and all(number.isascii() and number.isdigit() and len(number) < 5 for number in numbers):
        top, left, bottom, right = map(int, numbers)
        if top <= bottom < rows and left <= right < columns:
            region = [top, left, bottom, right]
    state = st.session_state
    (top, below), (left, behind) = first.rows, first.columns  # type: ignore[attr-defined]
    state.matter_region = [top, left, below - 1, behind - 1] if region is None else region
    names = ("from row", "from column", "to row", "to column")

    def keep() -> None:
        st.query_params["region"] = ".".join(str(state[f"matter_{name}"]) for name in names)

    with st.popover("The region", help="Which patches; without a choice, the most salient one."):
        for name, value, most in zip(names, state.matter_region, (rows, columns, rows, columns)):
            state[f"matter_{name}"] = value
            st.number_input(
                name.capitalize(),
                0,
                most - 1,
                key=f"matter_{name}",
                on_change=keep,
                help="Of the patches, counted from 0 at the upper left.",
            )
    if region is None:
        return None
    top, left, bottom, right = region
    return (top, bottom + 1), (left, right + 1)
