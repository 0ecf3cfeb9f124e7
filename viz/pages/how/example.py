"""What every step shows: the visitor's model, input, layer, head and query; and the pieces that steps are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from headlens.model.analysis.soft import at_temperature, neighbourhood
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.text import TextInput
from headlens.model.protocol import ImageModel, TextModel
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.model.trace.anatomy import Anatomy, Embedding, ResidualStream
from headlens.model.trace.layer import TokenTrace
from headlens.viz.figures import patch_overlay
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.labels import categories
from headlens.viz.pages.parts import current_theme
from headlens.viz.pages.runtime import working
from headlens.viz.theme import Theme
from headlens.viz.view import words

LOWEST = -1e30
BAR = {"responsive": True, "displaylogo": False, "modeBarButtons": [["toImage"]], "toImageButtonOptions": {"scale": 2}}


@dataclass(frozen=True)
class Example:
    """One token's way, in numbers; for one run of the page."""

    entry: RecordingEntry
    model: TextModel | ImageModel
    read: Callable[[], TextInput | ImageInput]
    layer: int
    head: int
    query: int

    @property
    def recording(self) -> Recording:
        return self.entry.recording

    @cached_property
    def anatomy(self) -> Anatomy:
        return Anatomy(self.model, self.read(), self.recording)

    @property
    def heads(self) -> AttentionInputs:
        """Of the layer."""
        return self.recording.layers[self.layer]

    @property
    def width(self) -> int:
        return self.embedding().rows.shape[-1]

    @property
    def d_head(self) -> int:
        return self.heads.query.shape[-1]

    @property
    def theme(self) -> Theme:
        return current_theme()

    @property
    def name(self) -> str:
        """The query's; a stranger's words: not for st.markdown."""
        return words.name_of(self.recording, self.query)

    @cached_property
    def scores(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.scores(self.layer, self.head, self.query)

    @property
    def seen(self) -> np.ndarray:
        """[key] bool: what the query may look at; some models hide with the lowest number instead of -inf."""
        return self.scores > LOWEST

    @cached_property
    def weights(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.attention(self.layer, self.head, self.query)

    def softmax(self, scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """The weights [key] that scores [key] come to in this head, whose sink takes part where it has one."""
        if self.heads.sinks is None:
            return at_temperature(scores, temperature)
        return at_temperature(np.append(scores, float(self.heads.sinks[self.head])), temperature)[:-1]

    @cached_property
    def keys(self) -> np.ndarray:
        """The keys that are shown, of those that the query may look at."""
        seen = np.flatnonzero(self.seen)
        near = neighbourhood(self.weights[seen], int(np.searchsorted(seen, self.query)))
        return seen[near[near < len(seen)]]

    def names(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What hovers call these tokens."""
        every = categories(self.recording.tokens)
        return [every[token] for token in tokens]

    def labels(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What stands beside them."""
        return [self.recording.tokens[token] for token in tokens]

    def embedding(self) -> Embedding:
        """What goes into the first layer."""
        return self.entry.derive("embedding", lambda: self.anatomy.embedding)

    def walk(self) -> ResidualStream:
        """The residual stream, from one more run of the model, kept beside the recording."""

        def compute() -> ResidualStream:
            with working(st.empty(), "Walking through the model", self.recording.num_layers) as on_layer:
                return self.anatomy.walk(on_layer)

        return self.entry.derive("walk", compute)

    def steps(self) -> TokenTrace:
        """The query's way through the layer."""
        return self.anatomy.steps(self.walk(), self.layer, self.heads, self.query)


def draw(figure: go.Figure, alt: str) -> None:
    """Show a figure; alt says in words what it is, to those who do not see it."""
    st.plotly_chart(figure, theme=None, config=BAR, alt=alt)


def draw_keys(example: Example, columns: Mapping[str, np.ndarray], alt: str, shared: bool = False) -> None:
    """Show quantities [key] of the shown keys as bars, the query's own in the other colour; shared: on one scale."""
    keys = example.keys
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {title: values[keys] for title, values in columns.items()},
        marked=int(np.searchsorted(keys, example.query)),
        theme=example.theme,
        shared=shared,
    )
    draw(figure, alt)
    shown, seen, hidden = len(keys), int(example.seen.sum()), int((~example.seen).sum())
    notes = ["The bar of the other colour is the query's own."]
    if shown < seen:
        notes.append(
            f"{shown} of {seen:,} keys are shown, those with the largest weights and the query, in the input's order."
        )
    if hidden:
        later = "later " if not example.seen[example.query + 1 :].any() and example.seen[: example.query].all() else ""
        notes.append(f"{hidden:,} {later}{'token is' if hidden == 1 else 'tokens are'} hidden from this query.")
    st.caption(" ".join(notes))


def draw_photo(example: Example, weights: np.ndarray, alt: str) -> None:
    """Weights [key] over the photo, where the input is one."""
    recording = example.recording
    if recording.photo is not None:
        prefix = recording.tokens[: recording.prefix_tokens]
        figure = patch_overlay(recording.photo, weights, prefix, query=example.query, theme=example.theme)
        draw(figure.update_layout(height=320), alt)


def formulas(*lines: str) -> None:
    """Formulas beside each other where there is room, else under each other."""
    with st.container(horizontal=True, horizontal_alignment="center", gap="large"):
        for line in lines:
            st.latex(line, width="content")


def table(columns: Mapping[str, Sequence[str]]) -> None:
    """Our own words in rows and columns. Not st.table: that imports pandas, while other runs may be drawing."""
    lines = [tuple(columns), ("---",) * len(columns), *zip(*columns.values())]
    st.markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def shapes(**sizes: tuple[int, ...]) -> None:
    """The shapes of a step, with this model's numbers: "Q: 17 × 32"."""
    st.caption("Shapes: " + " · ".join(f"{name}: {' × '.join(f'{n:,}' for n in size)}" for name, size in sizes.items()))


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
