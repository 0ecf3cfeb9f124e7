"""What the page asks: a model on an input, and the output that is asked about, with the controls that choose it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

from headlens.model.base import AnyModel, RecordingModel
from headlens.model.effects.choices import Choice, choices, name_at, num_written, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import Target
from headlens.model.inputs.text import TextInput
from headlens.model.progress import OnStep
from headlens.model.protocol import ImageTextModel, WritingModel
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.inputs.prompt import PromptRequest
from headlens.viz.inputs.text import TextRequest
from headlens.viz.pages.chosen_input import ChosenInput
from headlens.viz.pages.matter.details import target_details
from headlens.viz.pages.runtime import get_model, stepping
from headlens.viz.view.numbers import is_number
from headlens.viz.view.visible import visible

Result = TypeVar("Result")
TITLES = {
    "class": "the class",
    "start": "where the answer starts",
    "end": "where the answer ends",
    "similarity": "its similarity to another sentence",
    "movement": "how far its embedding moves",
    "saliency": "the saliency of a region",
}


@dataclass(frozen=True)
class Question:
    """An output of a model on an input."""

    entry: RecordingEntry
    experiment: Experiment
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
        titles = {each: _title(experiment, each) for each in options}
        choice = knob(
            st.selectbox,
            "What is asked about",
            "ask",
            options=options,
            start=Choice("similarity") if other is not None else _first(experiment, options),
            page="matter",
            format_func=titles.__getitem__,
            width=300,
            help="One number that the model gives. Everything below says what it rests on.",
        )
        details = target_details(entry, experiment, choice, other=other)
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
        return model.continued(request.given, request.tokens)
    if isinstance(request, PhotoRequest):
        if isinstance(model, ImageTextModel):
            assert request.text is not None
            return model.prompt(request.read(), request.text)
        return request.read()
    if request.chat:
        return request.read()
    texts = entry.recording.texts
    return TextRequest(request.model, texts).read()


def _first(experiment: Experiment, options: list[Choice]) -> Choice:
    """The first choice: at the token that was pinned on the page that the visitor comes from, where there is one."""
    written = num_written(experiment.input) if isinstance(experiment.input, TextInput) else 0
    pinned = st.query_params.get("query", "")
    if is_number(pinned):
        at = int(pinned)
        at -= written > 0 and at >= len(experiment.input.ids) - written  # what was written there is asked about
        for option in options:
            if option.at == at:
                return option
    return options[0]


def _title(experiment: Experiment, choice: Choice) -> str:
    if choice.at is None:
        return TITLES[choice.kind]
    name = visible(name_at(experiment, choice.at))
    of = {"next": "the token after", "mask": "the token behind", "token class": "the class of"}[choice.kind]
    return f"{of} “{name}” (token {choice.at})"
