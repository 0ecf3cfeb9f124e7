"""What the model predicts at the pinned token: bars of the most probable candidates."""

import numpy as np
import streamlit as st

from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording
from headlens.viz.figures import strongest_bars
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view import words
from headlens.viz.view.view import View
from headlens.viz.view.visible import visible


def show_predictions(recording: Recording, view: View) -> None:
    """The candidates for the pinned token; else for the whole input or its first mask; nothing where there are none."""
    if not recording.predictions:
        return
    by_position = {prediction.position: prediction for prediction in recording.predictions}
    prediction = by_position.get(view.query, recording.predictions[0])
    st.text(_heading(recording, prediction))
    names = [visible(name) for name, _ in prediction.candidates]
    figure = strongest_bars(names, np.array([probability for _, probability in prediction.candidates]), current_theme())
    st.plotly_chart(figure, key="predictions", width=620, height=figure.layout.height, config={"displaylogo": False})


def _heading(recording: Recording, prediction: Prediction) -> str:
    if prediction.position is None:
        return "The class of the whole input, with probabilities"
    name = words.name_of(recording, prediction.position)
    if recording.stage == "decoder":
        return f"What comes after {name}, with probabilities"
    return f"What stands at {name} (token {prediction.position}), with probabilities"
