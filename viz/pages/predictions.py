"""What the model predicts at the pinned token, and of the whole input: bars of the best candidates."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from headlens.model.analysis.entities import entities
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording
from headlens.viz.figures import strongest_bars
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view import words
from headlens.viz.view.view import View
from headlens.viz.view.visible import visible

OF_THE_WHOLE = {
    Predicts.CHOICE: "Which of the texts follows, with probabilities",
    Predicts.ANSWER: "The answer, with probabilities",
    Predicts.ANSWER_START: "Where the answer starts, with probabilities",
    Predicts.ANSWER_END: "Where the answer ends, with probabilities",
    Predicts.NEXT_SENTENCE: "Whether the second text follows the first, with probabilities",
    Predicts.SENTENCE_ORDER: "Whether the two texts stand in their order, with probabilities",
}
LABELS = {
    "softmax": "Which of your labels fits the photo, with probabilities of one choice",
    "sigmoid": "How well each of your labels fits the photo, with a probability of its own",
}
CLASSES = {
    "softmax": "The class of the whole input, with probabilities",
    "sigmoid": "The labels of the whole input, each with a probability of its own",
    "none": "The values of the whole input, as the head gives them",
}


def predictions_at(recording: Recording, view: View) -> list[Prediction]:
    """Those of the whole input, and that of the pinned token, else of the first token that has predictions."""
    whole = [prediction for prediction in recording.predictions if prediction.position is None]
    of_tokens = {each.position: each for each in recording.predictions if each.position is not None}
    pinned = of_tokens.get(view.query, next(iter(of_tokens.values()), None))
    return [*whole, *([] if pinned is None else [pinned])]


def show_predictions(
    recording: Recording, view: View, *, key: str = "predictions", beside: Sequence[Prediction] = ()
) -> None:
    """Draw `predictions_at`; the key is the charts' own, and each has one scale with the one beside it."""
    for index, prediction in enumerate(predictions_at(recording, view)):
        other = beside[index] if index < len(beside) else None
        show_prediction(recording, prediction, key=f"{key}{index or ''}", beside=other)


def show_prediction(
    recording: Recording, prediction: Prediction, *, key: str, beside: Prediction | None = None
) -> None:
    """What it is of, and bars of its candidates, with one scale for those beside; the key is the chart's own."""
    st.text(_heading(recording, prediction))
    names = [visible(name) for name, _ in prediction.candidates]
    scores = np.array([score for _, score in prediction.candidates])
    percents, others = prediction.scores != "none", list[float]()
    if beside is not None and (beside.scores != "none") == percents:
        others = [score for _, score in beside.candidates]
    figure = strongest_bars(names, scores, current_theme(), percents=percents, beside=others)
    st.plotly_chart(figure, key=key, width=620, height=figure.layout.height, config={"displaylogo": False})


def show_entities(recording: Recording) -> None:
    """Neighbouring tokens of one class, joined; nothing where no tokens are classified."""
    if found := entities(recording):
        st.text("Stretches of text by the classes of their tokens; “B-” begins a new one")
        rows = [
            {"Text": visible(text), "Class": visible(label), "Mean probability": round(score, 4)}
            for text, label, score in found
        ]
        st.dataframe(rows, hide_index=True, width=620)


def show_unknown_head(recording: Recording) -> None:
    """That what a model's head says is not known here, and the shapes of it."""
    if "head" in recording.notes:
        st.info(plain(recording.notes["head"]))


def _heading(recording: Recording, prediction: Prediction) -> str:
    if prediction.of is Predicts.CLASS and len(prediction.candidates) == 1 and prediction.scores == "sigmoid":
        return "The score of the whole input, as a probability (sigmoid)"
    if prediction.of is Predicts.LABEL:
        return LABELS[prediction.scores]
    if prediction.position is None:
        return OF_THE_WHOLE.get(prediction.of, CLASSES[prediction.scores])
    name = words.name_of(recording, prediction.position)
    if prediction.of is Predicts.NEXT_TOKEN:
        return f"What comes after {name}, with probabilities"
    if prediction.of is Predicts.HEARD:
        return f"What is heard at {name}, with probabilities; <pad> is no letter (CTC, Graves et al. 2006)"
    what = "The class of" if prediction.of is Predicts.TOKEN_CLASS else "What stands at"
    kind = "word" if recording.unit == "word" else "token"
    return f"{what} {name} ({kind} {prediction.position}), with probabilities"
