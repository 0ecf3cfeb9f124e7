"""Whisper: a sound in, its words written, and three stages of attention (Radford et al. 2022)."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import ModelOutput

from headlens.model.base import Run
from headlens.model.huggingface.record.written import with_written
from headlens.model.huggingface.sound.model import TransformersSound
from headlens.model.huggingface.text.generate import write_of
from headlens.model.inputs.sound import SoundInput
from headlens.model.inputs.token_names import TokenNames
from headlens.model.protocol import OnToken
from headlens.model.recording.parts import Prediction
from headlens.model.recording.recording import Recording

STEERS = (  # what begins and ends a text, and which tokens stand in none: all that may steer what is written
    "begin_suppress_tokens",
    "bos_token_id",
    "decoder_start_token_id",
    "eos_token_id",
    "forced_decoder_ids",
    "is_multilingual",
    "lang_to_id",
    "language",
    "no_timestamps_token_id",
    "pad_token_id",
    "suppress_tokens",
    "task",
    "task_to_id",
)


def greedy_words(network: PreTrainedModel) -> GenerationConfig:
    """The most probable token each time, no times among them, of one language and task as the checkpoint says."""
    own = network.generation_config
    kept = {name: getattr(own, name) for name in STEERS if getattr(own, name, None) is not None}
    length = network.config.max_target_positions
    return GenerationConfig(do_sample=False, num_beams=1, max_length=length, return_timestamps=False, **kept)


class TransformersSpeech(TransformersSound):
    """A Whisper with its decoder; arguments as of `TransformersSound`.

    A recording is the encoder's, and has the stages "decoder" and "cross": of each token that was written, which others
    it looks at, and when in the sound.
    """

    @property
    def _words(self) -> PreTrainedTokenizerBase:
        assert self.tokenizer is not None  # of a model that writes
        return self.tokenizer

    def listen(self, sound: SoundInput, on_token: OnToken | None = None) -> SoundInput:
        """A sound with the tokens that the model writes of it, those that begin each text too."""
        return replace(sound, written=self.write(sound, on_token))

    def write(self, sound: SoundInput, on_token: OnToken | None = None, *, count: int | None = None) -> tuple[int, ...]:
        """The tokens that begin a text, then the most probable ones, at most count; what on_token raises stops it."""
        inputs = super().batch_inputs([sound])
        written = write_of(self.network, self._words.backend_tokenizer, inputs, count=count, on_token=on_token)
        return (*written.before, *written.ids)

    def decoder_ids(self, sound: SoundInput) -> tuple[int, ...]:
        """The tokens that the decoder reads; where nothing was written, what begins each text."""
        return sound.written or (int(self.network.config.decoder_start_token_id),)

    def batch_inputs(self, batch: Sequence[SoundInput]) -> dict[str, object]:
        """What the network's forward takes of sounds of which as many tokens were written."""
        ids = torch.tensor([self.decoder_ids(sound) for sound in batch], device=self.device)
        return {**super().batch_inputs(batch), "decoder_input_ids": ids, "use_cache": False}

    def _predictions(self, sound: SoundInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return ()  # they are the decoder's

    def _recording(self, sound: SoundInput, run: Run[ModelOutput], index: int) -> Recording:
        ids = self.decoder_ids(sound)
        keys = {"decoder": len(ids), "cross": len(sound.names)}
        return with_written(
            super()._recording(sound, run, index),
            ids,
            names=TokenNames(self._words.backend_tokenizer),
            text=self._words.decode(list(ids), skip_special_tokens=True),
            layers={stage: run.layers(stage, index, (len(ids), count)) for stage, count in keys.items()},
            predictions=self.predictor.predictions(run.outputs, index, ids),
            notes=self._common_notes,
        )
