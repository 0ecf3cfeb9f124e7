"""What stands below the explorer: by itself, on recordings that have something for it and on one that has nothing."""

import dataclasses

import numpy as np
from streamlit.testing.v1 import AppTest

from headlens.model.recording.recording import Recording
from tests.recordings import random_recording
from tests.viz.pages.apps import SECONDS, run


def draw_all(recording: "Recording") -> None:
    """A page of all analyses; Streamlit runs this source by itself."""
    from headlens.viz.pages.analyses import OF_THE_INPUT, OF_THE_VIEW
    from headlens.viz.view.view import View

    for show_view in OF_THE_VIEW:
        show_view(recording, View(0, 0, query=1))
    for show_input in OF_THE_INPUT:
        show_input(recording)


def opened(recording: Recording) -> AppTest:
    return run(AppTest.from_function(draw_all, default_timeout=SECONDS, args=(recording,)))


def test_without_predictions_or_outputs_there_is_nothing() -> None:
    assert len(opened(random_recording()).main) == 0


def test_the_similarity_of_a_pair() -> None:
    outputs = {"similarity": np.array(0.25, np.float32)}
    app = opened(dataclasses.replace(random_recording(), outputs=outputs))
    assert [metric.value for metric in app.metric] == ["0.250"]
    assert len(app.main) == 1


def test_the_saliency_of_a_photo(coffee: Recording) -> None:
    app = opened(coffee)
    assert len(app.get("image")) == 1
    assert app.caption[0].value.startswith("Extrapolated: ")
