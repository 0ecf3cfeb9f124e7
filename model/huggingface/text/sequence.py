"""Models with an encoder and a decoder (Vaswani et al. 2017, figure 1): three stages of attention."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from headlens.model.device import enough_memory, synchronize
from headlens.model.huggingface.record.predictions import predictions_of
from headlens.model.huggingface.text.generate import room_for, write
from headlens.model.huggingface.text.model import OnToken, TransformersText, named, special_ids, token_text
from headlens.model.inputs.text import Text, TextInput, read_text
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording

WRITTEN = 60  # tokens at most where none are given


class TransformersSequence(TransformersText):
    """A model of transformers that reads one text and writes another; arguments as of `TransformersText`."""

    def read(self, text: Text) -> TextInput:
        """The tokens that the encoder reads; of a pair, of its first text. Raises InputError."""
        return read_text(self.tokenizer, text if isinstance(text, str) else text[0], self.max_tokens)

    def record(self, text: Text, on_layer: OnLayer | None = None) -> Recording:
        """Record all three stages: the recording is the encoder's, and has the stages "decoder" and "cross".

        Args:
            text: "what is read", and the model writes; or ("what is read", "what is written").
            on_layer: as in `TransformersText.record`.

        Raises InputError for a text that cannot be read, DeviceError where there is not enough memory.
        """
        if isinstance(text, str):
            return self.write(text, WRITTEN, on_layer=on_layer)
        target = read_text(self.tokenizer, text[1], self.max_tokens - 1)
        return self._stages(self.read(text), target.ids, on_layer)

    def write(
        self, text: str, count: int = 20, on_token: OnToken | None = None, on_layer: OnLayer | None = None
    ) -> Recording:
        """Read a text, write at most count tokens, and record both; as `TransformersText.write`."""
        given = self.read(text)
        room = room_for(count, self.max_tokens - 1)
        return self._stages(given, write(self.network, self.tokenizer, given.ids, room, on_token), on_layer)

    def inputs(self, given: TextInput) -> dict[str, Any]:
        """As what is read alone, by the encoder; the decoder has only what begins it."""
        return self._both(given.ids, (self._start,))

    def _both(self, ids: Sequence[int], written: Sequence[int]) -> dict[str, Any]:
        return {
            "input_ids": torch.tensor([list(ids)], device=self.device),
            "decoder_input_ids": torch.tensor([list(written)], device=self.device),
            "use_cache": False,
        }

    @property
    def _start(self) -> int:
        """The token that begins what is written."""
        config: Any = self.network.config
        start = config.decoder_start_token_id
        return int((config.pad_token_id or 0) if start is None else start)

    @torch.inference_mode()
    def _stages(self, given: TextInput, written: tuple[int, ...], on_layer: OnLayer | None) -> Recording:
        ids = (self._start, *written)
        started = time.perf_counter()
        with enough_memory(self.device):
            run = self.probed.recorder.run(self._both(given.ids, ids), on_layer)
            synchronize(self.device)
        stages = {name: tuple(heads.first() for heads in layers) for name, layers in run.stages.items()}
        encoder = Recording(
            layers=stages["encoder"],
            tokens=named(given),
            words=given.words,
            special=given.special,
            segments=given.segments,
            model=self.description,
            seconds=time.perf_counter() - started,
            device=str(self.device),
            offsets=given.offsets,
            texts=given.texts,
            notes={"exact": self.probed.note, **given.notes(self.max_tokens)},
        )
        special = special_ids(self.tokenizer, ids)
        special[0] = True  # it stands for nothing that was written
        decoder = dataclasses.replace(
            encoder,
            layers=stages["decoder"],
            tokens=tuple(token_text(self.tokenizer, number) for number in ids),
            words=(None,) * len(ids),
            special=np.array(special),
            segments=(0,) * len(ids),
            offsets=(),
            texts=(self.tokenizer.decode(list(written)),),
            notes={"exact": self.probed.note},
            predictions=predictions_of(self.network, self.tokenizer, run.outputs, ids),
            stage="decoder",
        )
        cross = dataclasses.replace(decoder, layers=stages["cross"], stage="cross", keys=encoder, predictions=())
        return dataclasses.replace(encoder, stages={"decoder": decoder, "cross": cross})
