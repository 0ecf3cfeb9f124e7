"""What stands below the explorer: by itself, on recordings that have something for it and on one that has nothing."""

import dataclasses
import itertools

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording
from tests.recordings import random_recording
from tests.viz.pages.apps import SECONDS, run


def draw_all(recording: "Recording") -> None:
    """A page of all analyses; Streamlit runs this source by itself."""
    from headlens.model.runtime.recordings import RecordingEntry
    from headlens.viz.pages.analyses import OF_THE_INPUT, OF_THE_VIEW
    from headlens.viz.view.view import View

    for show_view in OF_THE_VIEW:
        show_view(RecordingEntry("an id", recording), View(0, 0, query=1))
    for show_input in OF_THE_INPUT:
        show_input(recording)


def opened(recording: Recording) -> AppTest:
    return run(AppTest.from_function(draw_all, default_timeout=SECONDS, args=(recording,)))


def test_without_predictions_or_outputs_there_is_nothing() -> None:
    assert len(opened(random_recording(num_layers=1, num_heads=2)).main) == 0  # two heads make no map


def predicted(*predictions: Prediction) -> AppTest:
    """A page of a recording whose five tokens are the words of a text."""
    text = "In New York it rains"
    words = text.split()
    ends = list(itertools.accumulate(len(word) + 1 for word in words))
    spans = tuple((end - 1 - len(word), end - 1) for word, end in zip(words, ends))
    recording = dataclasses.replace(
        random_recording(num_tokens=5), texts=(text,), offsets=spans, segments=(0,) * 5, predictions=predictions
    )
    return opened(recording)


def test_neighbours_of_one_class_are_joined() -> None:
    labels = (("O", 0.9), ("B-LOC", 0.8), ("I-LOC", 0.6), ("O", 0.7), ("O", 0.9))
    app = predicted(*(Prediction(at, (label,), Predicts.TOKEN_CLASS) for at, label in enumerate(labels)))
    assert [text.value[:14] for text in app.text] == ["The class of “", "Stretches of t"]
    (table,) = app.dataframe
    assert table.value.to_dict("records") == [{"Text": "New York", "Class": "LOC", "Mean probability": 0.7}]


def test_what_the_scores_are_is_said() -> None:
    scores = (("a", 0.5), ("b", 0.25))
    headings = {
        "softmax": "The class of the whole input, with probabilities",
        "sigmoid": "The labels of the whole input, each with a probability of its own",
        "none": "The values of the whole input, as the head gives them",
    }
    for kind, heading in headings.items():
        app = predicted(Prediction(None, scores, Predicts.CLASS, kind))  # type: ignore[arg-type]  # it is one of three
        assert [text.value for text in app.text] == [heading]
    app = predicted(Prediction(None, scores[:1], Predicts.CLASS, "sigmoid"))
    assert app.text[0].value == "The score of the whole input, as a probability (sigmoid)"
    both = predicted(Prediction(1, scores, Predicts.MASKED_TOKEN), Prediction(None, scores, Predicts.NEXT_SENTENCE))
    assert [text.value.split(",")[0] for text in both.text] == [
        "Whether the second text follows the first",
        "What stands at “token1” (token 1)",
    ]


def test_a_head_that_is_not_known_is_named() -> None:
    notes = {"head": "What X predicts is not known here; of this input it gives start_logits (5)."}
    app = opened(dataclasses.replace(random_recording(), notes=notes))
    assert "start\\_logits \\(5\\)" in app.info[0].value


def test_the_similarity_of_a_pair() -> None:
    outputs = {"similarity": np.array(0.25, np.float32)}
    app = opened(dataclasses.replace(random_recording(), outputs=outputs))
    assert [metric.value for metric in app.metric] == ["0.250"]
    assert len(app.main) == 2  # beside the switch of the map


def test_the_saliency_of_a_photo(coffee: Recording) -> None:
    app = opened(coffee)
    assert len(app.get("image")) == 1
    assert app.caption[0].value.startswith("Extrapolated: ")


def test_the_map_of_all_heads() -> None:
    app = opened(random_recording())
    assert not app.get("plotly_chart")
    app.toggle(key="head_map").set_value(True)
    run(app)
    assert app.query_params["map"] in ("1", ["1"])
    assert len(app.get("plotly_chart")) == 1
    assert app.caption[-1].value.startswith("Distances are the Jensen–Shannon divergence")
    app.toggle(key="head_map").set_value(False)
    run(app)
    assert "map" not in app.query_params


def test_without_scikit_learn_the_map_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headlens.viz.pages.head_map.can_lay_out", lambda: False)
    app = opened(random_recording())
    app.toggle(key="head_map").set_value(True)
    run(app)
    assert 'pip install -e ".[map]"' in app.info[0].value
    assert not app.get("plotly_chart")
