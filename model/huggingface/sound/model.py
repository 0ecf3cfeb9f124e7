"""Models of transformers that hear: a sound in, a Recording out."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import ModelOutput

from headlens.model.base import RecordingModel, Run
from headlens.model.description import Description
from headlens.model.huggingface.record.predictions import Predictor
from headlens.model.huggingface.record.probe import ProbeResult
from headlens.model.huggingface.record.reorder import reordered
from headlens.model.huggingface.sound.front_ends import FrontEnd
from headlens.model.inputs.sound import SoundInput
from headlens.model.inputs.sound_file import SoundSource
from headlens.model.inputs.token_names import TokenNames
from headlens.model.progress import OnLayer
from headlens.model.protocol import OnToken
from headlens.model.recording.parts import Prediction, Predicts
from headlens.model.recording.recording import Recording


class TransformersSound(RecordingModel[SoundInput, ModelOutput]):
    """A model of transformers that gives each frame, or each patch, of a spectrogram one position.

    A recording's photo is the spectrogram. A classifier's ten most probable classes are in its predictions; of a model
    that hears letters (CTC) those of each frame, and notes["heard"] is the text that they make.

    Args:
        description: of the checkpoint.
        probe_result: the model, and the way that records it.
        front_end: how it reads a sound.
        tokenizer: of a model that hears letters, or that writes.
    """

    def __init__(
        self,
        description: Description,
        probe_result: ProbeResult,
        front_end: FrontEnd,
        tokenizer: PreTrainedTokenizerBase | None = None,
    ) -> None:
        network = probe_result.recorder.network
        self.predictor = _predictor(network, tokenizer)
        super().__init__(probe_result.setup(description, self.predictor.predicts, network.device))
        self.probe_result = probe_result
        self.prefix = front_end.prefix
        self.rate = front_end.extractor.rate
        self.seconds = front_end.seconds
        self._front_end = front_end
        self.tokenizer = tokenizer

    @property
    def network(self) -> PreTrainedModel:
        """The model itself."""
        return self.probe_result.recorder.network

    def read(self, sound: SoundSource) -> SoundInput:
        """What the model's own feature extractor makes of a sound. Raises InputError as `record` does."""
        return self._front_end.read(sound)

    def record(
        self, sound: SoundSource, on_layer: OnLayer | None = None, *, on_token: OnToken | None = None
    ) -> Recording:
        """Run a sound and record every head.

        Args:
            sound: the path or the bytes of a .wav or .flac file, which soundfile reads; or a Waveform. It is mixed to
                one channel and brought to the model's rate; above `seconds` it is cut, and notes["input"] says so.
            on_layer: called with each layer's index as it is done; what it raises stops the run.
            on_token: called with what is written of the sound as it grows, by a model that writes.

        Raises InputError for a sound that cannot be read, DeviceError where there is not enough memory.
        """
        return self._record_batch([self.listen(self.read(sound), on_token)], on_layer)[0]

    def record_batch(self, sounds: Sequence[SoundSource], on_layer: OnLayer | None = None) -> list[Recording]:
        """The recording of each sound, one run each. Raises as `record` does."""
        return self._record_batch([self.listen(self.read(sound)) for sound in sounds], on_layer)

    def listen(self, sound: SoundInput, on_token: OnToken | None = None) -> SoundInput:
        """A sound with what the model writes of it; as it is, of a model that writes nothing."""
        return sound

    def groups(self, batch: Sequence[SoundInput]) -> list[list[int]]:
        """Each by itself: padding would be heard."""
        return [[index] for index in range(len(batch))]

    def batch_inputs(self, batch: Sequence[SoundInput]) -> dict[str, object]:
        """What the network's forward takes of sounds of one length."""
        names = batch[0].inputs
        joined = {name: torch.cat([sound.inputs[name] for sound in batch]).to(self.device) for name in names}
        return {
            name: value.to(self.network.dtype) if value.is_floating_point() else value for name, value in joined.items()
        }

    def _recording(self, sound: SoundInput, run: Run[ModelOutput], index: int) -> Recording:
        stage = next(iter(run.stages))
        num_tokens = len(self.prefix) + len(sound.names)
        order = self._front_end.order(sound.photo.grid)
        own = run.layers(stage, index, (num_tokens, num_tokens))
        layers = own if order is None else reordered(run.stages[stage], order.to(self.device))
        return Recording(
            layers=layers,
            tokens=(*self.prefix, *sound.names),
            words=(None,) * num_tokens,
            special=np.arange(num_tokens) < len(self.prefix),
            segments=(0,) * num_tokens,
            model=self.description,
            seconds=run.seconds,
            device=str(self.device),
            prefix_tokens=len(self.prefix),
            photo=sound.photo,
            notes=self._notes(sound, run, index),
            predictions=self._predictions(sound, run, index),
            stage=stage,
        )

    def _predictions(self, sound: SoundInput, run: Run[ModelOutput], index: int) -> tuple[Prediction, ...]:
        return self.predictor.predictions(run.outputs, index, range(len(sound.names)))

    def _notes(self, sound: SoundInput, run: Run[ModelOutput], index: int) -> dict[str, str]:
        notes = {**super()._notes(sound, run, index), **self.predictor.unknown(run.outputs, index)}
        if sound.note:
            notes["input"] = sound.note
        if self.tokenizer is not None and self.predictor.predicts is Predicts.HEARD:
            best = run.outputs.logits[index].argmax(dim=-1).tolist()
            notes["heard"] = self.tokenizer.decode(best)  # joins what is heard several times on end
        return notes


def _predictor(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None) -> Predictor:
    if tokenizer is not None and network.can_generate():
        return Predictor(network, TokenNames(tokenizer.backend_tokenizer))
    vocabulary = {} if tokenizer is None else tokenizer.get_vocab()
    return Predictor(network, None, letters={number: letter for letter, number in vocabulary.items()})
