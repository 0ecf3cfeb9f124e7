"""What every step shows: the visitor's model, input, layer, head and query; and the pieces that steps are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from model.analysis.soft import neighbourhood
from model.inputs import ImageInput, TextInput
from model.loaded import ImageModel, TextModel
from model.nn.encoder import EncoderLayer
from model.recording import Recording
from model.walk import Embedding, Steps, Walk, embedding, steps, walk
from viz import wording
from viz.figures import patch_overlay
from viz.figures.labels import categories
from viz.panels.parts import current_theme
from viz.panels.recorder import working
from viz.store import Kept
from viz.theme import Theme


@dataclass(frozen=True)
class Example:
    """One token's way, in numbers; for one run of the page."""

    kept: Kept
    model: TextModel | ImageModel
    read: Callable[[], TextInput | ImageInput]
    layer: int
    head: int
    query: int

    @property
    def recording(self) -> Recording:
        return self.kept.recording

    @property
    def encoder_layer(self) -> EncoderLayer:
        layer = self.model.network.encoder.layers[self.layer]
        assert isinstance(layer, EncoderLayer)
        return layer

    @property
    def width(self) -> int:
        return self.encoder_layer.attention.output.out_features

    @property
    def d_head(self) -> int:
        return self.width // self.recording.num_heads

    @property
    def theme(self) -> Theme:
        return current_theme()

    @property
    def name(self) -> str:
        """The query's; a stranger's words: not for st.markdown."""
        return wording.name_of(self.recording, self.query)

    @cached_property
    def scores(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.scores(self.layer, self.head, self.query)

    @cached_property
    def weights(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.attention(self.layer, self.head, self.query)

    @cached_property
    def keys(self) -> np.ndarray:
        """The keys that are shown."""
        return neighbourhood(self.weights, self.query)

    def names(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What hovers call these tokens."""
        every = categories(self.recording.tokens)
        return [every[token] for token in tokens]

    def labels(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What stands beside them."""
        return [self.recording.tokens[token] for token in tokens]

    def embedding(self) -> Embedding:
        """What goes into the first layer."""
        return embedding(self.model, self.read())

    def walk(self) -> Walk:
        """The residual stream, from one more run of the model, kept beside the recording."""

        def compute() -> Walk:
            with working(st.empty(), "Walking through the model", self.recording.num_layers) as on_layer:
                return walk(self.model.network.encoder, self.embedding().rows(), on_layer)

        return self.kept.derive("walk", compute)

    def steps(self) -> Steps:
        """The query's way through the layer."""
        hidden = self.walk().stream[self.layer, self.query]
        return steps(self.encoder_layer, hidden, self.recording.layers[self.layer])


def draw(figure: go.Figure, alt: str) -> None:
    """Show a figure; alt says in words what it is, to those who do not see it."""
    st.plotly_chart(figure, theme=None, config={"displayModeBar": False, "responsive": True}, alt=alt)


def draw_photo(example: Example, weights: np.ndarray, alt: str) -> None:
    """Weights [key] over the photo, where the input is one."""
    recording = example.recording
    if recording.photo is not None:
        prefix = recording.tokens[: recording.prefix_tokens]
        figure = patch_overlay(recording.photo, weights, prefix, example.query, theme=example.theme)
        draw(figure.update_layout(height=320), alt)


def formulas(*lines: str) -> None:
    """Formulas beside each other where there is room, else under each other."""
    with st.container(horizontal=True, horizontal_alignment="center", gap="large"):
        for line in lines:
            st.latex(line, width="content")


def shapes(**sizes: tuple[int, ...]) -> None:
    """The shapes of a step, with this model's numbers: "Q: 17 × 32"."""
    st.caption("Shapes: " + " · ".join(f"{name}: {' × '.join(f'{n:,}' for n in size)}" for name, size in sizes.items()))


def note_of_keys(example: Example) -> None:
    """Says so where not all keys are shown."""
    shown, every = len(example.keys), example.recording.num_tokens
    if shown < every:
        st.caption(
            f"{shown} of {every:,} keys are shown, those with the largest weights and the query, in the input's order."
        )


def knob(widget: Callable[..., Any], label: str, name: str, options: Sequence, start: Any, **rest: Any) -> Any:
    """A control whose choice stays in the address under its name; whatever else is there, it is where it starts."""
    key = f"how_{name}"
    written = st.query_params.get(name)
    picked = next((option for option in options if str(option) == written), start)
    st.session_state[key] = picked

    def keep() -> None:
        value = st.session_state[key]
        if value is None or value == start:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(value)

    widget(label, options, key=key, on_change=keep, **rest)
    return picked
