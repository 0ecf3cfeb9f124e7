"""What the pages Text, Image and Generate show of an input: the explorer, what stands below it, and the model."""

from functools import partial

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.fragment import show_explorer
from headlens.viz.inputs.session import InputRequest
from headlens.viz.pages import parts
from headlens.viz.pages.analyses import OF_THE_INPUT, OF_THE_VIEW
from headlens.viz.pages.runtime import RecordingRequest
from headlens.viz.pages.stages import entry_of
from headlens.viz.pages.take_along import take_along
from headlens.viz.view.view import View


def show_body(page: str, request: InputRequest, run: RecordingRequest, *, stage: str) -> None:
    """Draw it.

    Args:
        page: names the explorer, and the page's own part of the session.
        request: the input.
        run: the recording of it.
        stage: which attention of the recording the explorer shows.
    """
    recording = run.entry().recording
    of_stage = partial(entry_of, stage=stage)
    start = request.start(of_stage(run.entry()).recording)

    def below(shown: RecordingEntry, view: View) -> None:
        for show in OF_THE_VIEW:
            show(shown.recording, view)
        take_along(page, run.entry(), shown, view, model=request.model, call=request.call)

    show_explorer(page, run, start, link=request.link, stage=of_stage, below=below)
    for show in OF_THE_INPUT:
        show(recording)
    parts.model_line(recording)
    parts.about(recording)
