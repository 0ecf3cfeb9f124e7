"""Models with an encoder and a decoder (Vaswani et al. 2017, figure 1): three stages of attention."""

from collections.abc import Sequence

import numpy as np
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.huggingface.record.written import with_written
from headlens.model.huggingface.text.generate import room_for, write
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Chat, SequenceInput, Text, TextInput, read_text
from headlens.model.progress import OnLayer
from headlens.model.protocol import OnToken
from headlens.model.readers import padded
from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording

WRITTEN = 60  # tokens at most where none are given


class TransformersSequence(TransformersText):
    """A model of transformers that reads one text and writes another; arguments as of `TransformersText`.

    A recording is the encoder's, and has the stages "decoder" and "cross". What is recorded is "what is read", and the
    model writes; or ("what is read", "what is written").
    """

    def read(self, text: Text) -> TextInput:
        """The tokens that the encoder reads; of a pair, of its first text. Raises InputError."""
        return super().read(text[0] if isinstance(text, tuple) else text)

    def record_batch(self, texts: Sequence[Text], on_layer: OnLayer | None = None) -> list[Recording]:
        """The recording of each, from one run; what is not given is written before, one text at a time."""
        return self._record_batch([self._sequence(text) for text in texts], on_layer)

    def batch_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        """As of `TransformersText`; of a text that was only read, the decoder has what begins it."""
        return {
            **self._padded_ids([text.ids for text in batch]),
            "decoder_input_ids": padded([self.decoder_ids(text) for text in batch], self._start, self.device),
            "use_cache": False,
        }

    def shape_of(self, text: TextInput, stage: str) -> tuple[int, int]:
        """How many queries and keys a text has in a stage."""
        num_read, num_written = len(text.ids), len(self.decoder_ids(text))
        num_queries = num_read if stage == "encoder" else num_written
        num_keys = num_written if stage == "decoder" else num_read
        return num_queries, num_keys

    def _sequence(self, text: Text) -> SequenceInput:
        if isinstance(text, str | Chat):
            return self.continued(text, WRITTEN)
        target = read_text(self.tokenizer, text[1], self.max_tokens - 1, num_words=self.num_words)
        return _with_written(self.read(text), target.ids)

    def continued(self, text: str | Chat, count: int = 20, on_token: OnToken | None = None) -> SequenceInput:
        """A text that is read and what the model writes of it, as `write` records them; raises as `write` does."""
        source = self.read(text)
        room = room_for(count, self.max_tokens - 1)
        written = write(self.network, self.tokenizer, source.ids, count=room, on_token=on_token)
        return _with_written(source, written)

    def decoder_ids(self, text: TextInput) -> tuple[int, ...]:
        """The tokens that the decoder reads: what begins a text, then what is written."""
        written = text.written if isinstance(text, SequenceInput) else ()
        return (self._start, *written)

    @property
    def _start(self) -> int:
        """The token that begins what is written."""
        config = self.network.config
        start = config.decoder_start_token_id
        return int((config.pad_token_id or 0) if start is None else start)

    def run_inputs(self, batch: Sequence[TextInput]) -> dict[str, object]:
        return self.batch_inputs(batch)

    def _special(self, text: TextInput) -> np.ndarray:
        return text.special

    def _predictions(self, text: TextInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return ()  # they are the decoder's

    def _recording(self, text: TextInput, run: Run[ModelOutput], index: int) -> Recording:
        encoder, ids = super()._recording(text, run, index), self.decoder_ids(text)
        return with_written(
            encoder,
            ids,
            names=self._token_names,
            text=self.tokenizer.decode(list(ids[1:])),
            layers={stage: run.layers(stage, index, self.shape_of(text, stage)) for stage in ("decoder", "cross")},
            predictions=self.predictor.predictions(run.outputs, index, ids),
            notes=self._common_notes,
        )


def _with_written(source: TextInput, written: tuple[int, ...]) -> SequenceInput:
    return SequenceInput(**vars(source), written=tuple(written))
