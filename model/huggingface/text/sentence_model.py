"""Models of sentence-transformers: what each head does, and the vector that the library makes of a text."""

from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.text.sentence import SentenceModules
from headlens.model.inputs.text import Text, TextInput


class TransformersSentence(TransformersText):
    """A model of transformers in a folder of sentence-transformers.

    The outputs of a recording: "embedding" [text, width] of each text, read by itself, as the library makes it; for a
    pair "similarity", as the library compares the two. None where a module is not known here, which a note says.
    """

    sentence = SentenceModules()  # what is done with the last hidden state; set where the model is loaded

    @cached_property
    def _num_prompt(self) -> int:
        """Tokens of the prompt; what ends it where it stands alone, such as [SEP], is not there before a text."""
        encoding = self.tokenizer.encode(self.sentence.prompt)
        return len(encoding.ids) - sum(encoding.special_tokens_mask[-1:])

    @property
    def embeds(self) -> bool:
        """Whether all modules that make the vector are known."""
        return not self.sentence.unknown

    def read(self, text: Text) -> TextInput:
        """As of `TransformersText`, with the tokens of the model's prompt before a text, if it has one for every text.

        They stand for no characters of the text. Raises InputError.
        """
        prompt = self.sentence.prompt
        if not prompt or not isinstance(text, str) or not text.strip():
            return super().read(text)
        read, start = super().read(prompt + text), len(prompt)
        offsets = [None if span is None or span[1] <= start else span for span in read.offsets]
        moved = tuple(None if span is None else (max(0, span[0] - start), span[1] - start) for span in offsets)
        return replace(read, texts=(read.texts[0][start:],), offsets=moved)

    def similarity(self, first: Tensor, second: Tensor) -> Tensor:
        """How similar embeddings [..., width] are, by the measure that the folder names."""
        return self.sentence.compare(first, second)

    def _embedding(self, hidden: Tensor) -> Tensor:
        return self.sentence.embedding(hidden, self._num_prompt if self.sentence.prompt else 0)

    def _outputs(self, text: TextInput, run: Run[ModelOutput], index: int) -> dict[str, np.ndarray]:
        if len(text.texts) == 1 or not self.embeds:
            return super()._outputs(text, run, index)
        if _is_continued(text):
            return {}
        alone = [[self.read(part)] for part in text.texts]
        embeddings = [self.embeddings(each, self.run(each)) for each in alone]
        both = torch.cat([embedding for embedding in embeddings if embedding is not None])
        return {
            "embedding": both.float().cpu().numpy(),
            "similarity": self.similarity(both[0], both[1]).float().cpu().numpy(),
        }

    def _notes(self, text: TextInput, run: Run[ModelOutput], index: int) -> dict[str, str]:
        notes = super()._notes(text, run, index)
        for name, note in self.sentence.notes.items():
            notes[name] = f"{notes[name]} {note}" if name in notes else note
        return notes


def _is_continued(text: TextInput) -> bool:
    """Whether the second text was written by the model, so that its tokens stand for no characters of a text."""
    return not any(segment and offset for segment, offset in zip(text.segments, text.offsets))
