"""What every step shows: the visitor's model, input, layer, head and query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st

from headlens.model.analysis.soft import at_temperature, neighbourhood
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.text import TextInput
from headlens.model.protocol import ImageModel, TextModel
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.model.trace.anatomy import Anatomy
from headlens.model.trace.layer import TokenTrace
from headlens.model.trace.runs import Embedding, ResidualStream
from headlens.viz.figures.labels import categories
from headlens.viz.pages.runtime import current_theme, working
from headlens.viz.theme import Theme
from headlens.viz.view import words

LOWEST = -1e30  # some models mask with the lowest number of their dtype instead of -inf


@dataclass(frozen=True)
class Example:
    """One token's way through the model, in numbers; for one run of the page."""

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
    def inputs(self) -> AttentionInputs:
        """The queries, keys and values of the layer, [head, token, d_head]."""
        return self.recording.layers[self.layer]

    @property
    def width(self) -> int:
        return self.embedding().rows.shape[-1]

    @property
    def d_head(self) -> int:
        return self.inputs.query.shape[-1]

    @property
    def theme(self) -> Theme:
        return current_theme()

    @property
    def name(self) -> str:
        """What to call the query. It is a visitor's own word: not for st.markdown."""
        return words.name_of(self.recording, self.query)

    @cached_property
    def scores(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.scores(self.layer, self.head, self.query)

    @property
    def seen(self) -> np.ndarray:
        """[key] bool: what the query may look at."""
        return self.scores > LOWEST

    @cached_property
    def weights(self) -> np.ndarray:
        """[key], of the chosen head and query."""
        return self.recording.attention(self.layer, self.head, self.query)

    def softmax(self, scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """The weights [key] that this head makes of scores [key]; a sink, where it has one, takes its share."""
        if self.inputs.sinks is None:
            return at_temperature(scores, temperature)
        return at_temperature(np.append(scores, float(self.inputs.sinks[self.head])), temperature)[:-1]

    @cached_property
    def keys(self) -> np.ndarray:
        """The indices of the keys that are shown, of those that the query may look at; in the input's order."""
        seen = np.flatnonzero(self.seen)
        near = neighbourhood(self.weights[seen], int(np.searchsorted(seen, self.query)))
        shown: np.ndarray = seen[near[near < len(seen)]]
        return shown

    def names(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What is written at the cursor over each of these tokens."""
        every = categories(self.recording.tokens)
        return [every[token] for token in tokens]

    def labels(self, tokens: Sequence[int] | np.ndarray) -> list[str]:
        """What is written beside each of these tokens."""
        return [self.recording.tokens[token] for token in tokens]

    def embedding(self) -> Embedding:
        """What goes into the first layer."""
        return self.entry.derive("embedding", lambda: self.anatomy.embedding)

    def residual_stream(self) -> ResidualStream:
        """The residual stream, from one more run of the model, kept beside the recording."""

        def compute() -> ResidualStream:
            with working(st.empty(), "Running the model", self.recording.num_layers) as on_layer:
                return self.anatomy.residual_stream(on_layer)

        return self.entry.derive("residual stream", compute)

    def token_trace(self) -> TokenTrace:
        """The query's way through the layer."""
        return self.anatomy.token_trace(self.residual_stream(), self.layer, self.inputs, query=self.query)
