"""What the pages Text, Image and Generate show of an input: the explorer, what stands below it, and the model."""

from collections.abc import Callable
from functools import partial

from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.fragment import Holder, show_explorer
from headlens.viz.inputs.session import InputRequest
from headlens.viz.pages import parts
from headlens.viz.pages.analyses import OF_THE_INPUT, OF_THE_VIEW
from headlens.viz.pages.predictions import show_prediction
from headlens.viz.pages.runtime import RecordingRequest
from headlens.viz.pages.stages import entry_of
from headlens.viz.pages.switches import switched
from headlens.viz.pages.take_along import Again, take_along
from headlens.viz.view.view import View


def show_body(
    page: str, request: InputRequest, run: RecordingRequest, *, stage: str, predictions: tuple[Prediction, ...] = ()
) -> None:
    """Draw it.

    Args:
        page: names the explorer, and the page's own part of the session.
        request: the input.
        run: the recording of it.
        stage: which attention of the recording the explorer shows.
        predictions: of the input, beside those of the recording.
    """
    again = Again(request.model, request.call)
    show_entry(page, run, request.start, stage=stage, link=request.link, again=again, predictions=predictions)
    parts.about(run.entry().recording)


def show_entry(
    page: str,
    holder: Holder,
    start: Callable[[Recording], View],
    *,
    stage: str,
    link: str,
    again: Again | None = None,
    predictions: tuple[Prediction, ...] = (),
) -> None:
    """Draw a recording, whatever it comes from.

    Args:
        page: names the explorer, and the page's own part of the session.
        holder: of the recording.
        start: the view of a stage that the page starts on.
        stage: which attention of the recording the explorer shows.
        link: what the page says of its address.
        again: how it was recorded; None where that is not known.
        predictions: of the input, beside those of the recording.
    """
    recording = holder.entry().recording
    of_stage = partial(entry_of, stage=stage)

    def shown_of(entry: RecordingEntry) -> RecordingEntry:
        return switched(page, of_stage(entry))

    def below(shown: RecordingEntry, view: View) -> None:
        for index, prediction in enumerate(predictions):
            show_prediction(shown.recording, prediction, key=f"more_predictions{index or ''}")
        for show in OF_THE_VIEW:
            show(shown, view)
        take_along(page, holder.entry(), shown, view, again=again)

    show_explorer(page, holder, start(of_stage(holder.entry()).recording), link=link, stage=shown_of, below=below)
    for show in OF_THE_INPUT:
        show(recording)
    parts.model_line(recording)
