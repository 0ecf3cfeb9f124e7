"""CANINE (Clark et al. 2022): a deep encoder of groups of characters, between two layers of the characters alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from transformers.utils import ModelOutput

from headlens.model.attention.point import Edit
from headlens.model.base import Run
from headlens.model.errors import InputError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Text, TextInput
from headlens.model.progress import OnLayer
from headlens.model.recording.parts import Predicts, with_note
from headlens.model.recording.recording import Recording

OF_THE_WHOLE = (Predicts.CLASS, Predicts.ANSWER)  # predictions; others stand at characters


class TransformersCharacters(TransformersText):
    """A model whose deep encoder reads groups of four characters; arguments as of `TransformersText`.

    A recording is the deep encoder's: its first position is [CLS], each other one a group. It has the stage
    "characters", of the last layer, in which all characters look at each other, and where the predictions of characters
    stand. The first layer, which looks within blocks of characters, is run and not shown.
    """

    def read(self, text: Text) -> TextInput:
        """The characters of a text or a pair. Raises InputError, also for a text that makes no group."""
        read = super().read(text)
        if len(read.ids) < self._rate:
            raise InputError(
                f"This model reads characters in groups of {self._rate}; type {self._rate - len(read.ids)} more."
            )
        return read

    def groups(self, batch: Sequence[TextInput]) -> list[list[int]]:
        """Each in a run of its own: padding would make another group of the last characters."""
        return [[index] for index in range(len(batch))]

    def run(
        self, batch: Sequence[TextInput], on_layer: OnLayer | None = None, edit: Edit | None = None
    ) -> Run[ModelOutput]:
        """As of every model."""
        more = (max(len(text.ids) for text in batch) - 1) // self.network.config.local_transformer_stride
        counted = None if on_layer is None else (lambda layer: on_layer(max(0, layer - more)))  # one call a block
        return super().run(batch, counted, edit)

    @property
    def _rate(self) -> int:
        """Characters of a group."""
        return int(self.network.config.downsampling_rate)

    def _recording(self, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        characters = self._with_outputs(self._characters(text, run, index), text, run, index)
        return replace(
            self._between_groups(characters, text, run, index),
            notes=with_note(characters.notes, "input", self._left_over(text)),
            predictions=tuple(each for each in characters.predictions if each.of in OF_THE_WHOLE),
            stages={"characters": replace(characters, outputs={})},
        )

    def _attention(self, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        return self._between_groups(self._characters(text, run, index), text, run, index)

    def _characters(self, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        """The attention of the last layer."""
        return super()._attention(text, replace(run, stages={"characters": run.stages["characters"]}), index)

    def _between_groups(self, characters: Recording, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        """A recording of the last layer as one of the deep encoder."""
        groups = [slice(self._rate * at, self._rate * (at + 1)) for at in range(self._num_groups(text))]
        places = [slice(0, 1), *groups]
        return replace(
            characters,
            layers=run.layers("encoder", index, (len(places), len(places))),
            tokens=tuple("".join(characters.tokens[place]) for place in places),
            ids=(),
            words=(None,) * len(places),
            special=np.array([text.special[place].all() for place in places]),
            segments=tuple(text.segments[place][-1] for place in places),
            offsets=tuple(_span(text, place) for place in places),
            stage="encoder",
        )

    def _num_groups(self, text: TextInput) -> int:
        return len(text.ids) // self._rate - 1  # the last one is cut off for [CLS]

    def _left_over(self, text: TextInput) -> str:
        rest = len(text.ids) - self._rate * self._num_groups(text)
        return (
            f"The model reads characters in groups of {self._rate}, and leaves the last {rest}, special tokens "
            "included, to its layers of characters; of these the first, which looks within blocks, is not shown."
        )


def _span(text: TextInput, place: slice) -> tuple[int, int] | None:
    """Where a group stands in the text of its last character; None of special tokens alone."""
    own = text.segments[place][-1]
    spans = [span for span, segment in zip(text.offsets[place], text.segments[place]) if span and segment == own]
    return (spans[0][0], spans[-1][1]) if spans else None
