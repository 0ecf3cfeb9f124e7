"""From samples to what each family of models hears, and to the picture of it, whose cells are the model's positions."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from transformers import PretrainedConfig
from transformers.audio_utils import mel_filter_bank, mel_to_hertz

from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.sound.extractor import OwnExtractor
from headlens.model.inputs.sound import ASPECT, SoundInput, resampled, spectrogram_pixels, time_names
from headlens.model.inputs.sound_file import SoundSource, open_sound
from headlens.model.recording.parts import Photo

LONGEST = 60.0  # seconds, of models that have no window of their own
COLUMNS = 4  # of the picture, a frame
BANDS = 80  # of the picture that is drawn for the eye
QUIETEST = 1e-8  # of the loudest: 80 dB below it


class FrontEnd(ABC):
    """How one family reads sounds.

    Args:
        extractor: its own.
        seconds: that it hears at most.
    """

    prefix: tuple[str, ...] = ()  # what to call the positions before those of the picture

    def __init__(self, extractor: OwnExtractor, seconds: float) -> None:
        self.extractor = extractor
        self.seconds = seconds

    def read(self, source: SoundSource) -> SoundInput:
        """What the model reads of a sound. Raises InputError for one that cannot be read."""
        sound = open_sound(source, self.seconds)
        samples = resampled(sound.samples, sound.rate, self.extractor.rate)
        inputs = self.extractor.features(samples)
        photo, names = self.picture(samples, inputs)
        said = [self.note(len(samples) / self.extractor.rate)]
        if sound.cut:
            said.insert(0, f"This sound is longer than {self.seconds:.4g} s; the model hears its beginning alone.")
        return SoundInput(inputs, photo, names, " ".join(filter(None, said)))

    @abstractmethod
    def picture(self, samples: np.ndarray, inputs: Mapping[str, Tensor]) -> tuple[Photo, tuple[str, ...]]:
        """The spectrogram, and what to call each cell of its grid."""

    @abstractmethod
    def note(self, seconds: float) -> str:
        """What is to be known of a sound of so many seconds; "" where that is nothing."""

    def order(self, grid: tuple[int, int]) -> Tensor | None:
        """Which of the model's positions stands at each place, the prefix first, then the grid row by row.

        None where the model has the same order.
        """
        return None


class LogMel(FrontEnd):
    """Whisper: a log-mel spectrogram of 30 s, two columns a frame (Radford et al. 2022, section 2.2)."""

    def __init__(self, extractor: OwnExtractor, config: PretrainedConfig) -> None:
        settings = extractor.settings
        super().__init__(extractor, settings["chunk_length"])
        self._frames = int(config.max_source_positions)
        if settings["nb_max_frames"] != 2 * self._frames or settings["feature_size"] != config.num_mel_bins:
            raise CheckpointError(
                "The feature extractor makes other spectrograms than the model reads; save the model's own beside it."
            )

    def picture(self, samples: np.ndarray, inputs: Mapping[str, Tensor]) -> tuple[Photo, tuple[str, ...]]:
        pixels = spectrogram_pixels(inputs["input_features"][0].numpy())
        photo = Photo(pixels, ASPECT, (1, self._frames), cell="frame", picture="spectrogram")
        return photo, time_names(self._frames, self.seconds / self._frames)

    def note(self, seconds: float) -> str:
        return _filled_up(seconds, self.seconds, "silence")


class Samples(FrontEnd):
    """wav2vec 2.0 and its family: convolutions over the samples make a frame of every 20 ms (Baevski et al. 2020)."""

    def __init__(self, extractor: OwnExtractor, config: PretrainedConfig) -> None:
        super().__init__(extractor, LONGEST)
        self._convolutions = list(zip(config.conv_kernel, config.conv_stride))
        self._stride = math.prod(stride for _, stride in self._convolutions)  # samples from frame to frame
        self._width = 1  # samples that a frame depends on
        for kernel, stride in reversed(self._convolutions):
            self._width = (self._width - 1) * stride + kernel
        if not 0 < self._stride <= extractor.rate:
            raise CheckpointError("This model has less than a frame a second; take another model.")

    def picture(self, samples: np.ndarray, inputs: Mapping[str, Tensor]) -> tuple[Photo, tuple[str, ...]]:
        frames = len(samples)
        for kernel, stride in self._convolutions:
            frames = (frames - kernel) // stride + 1
        if frames < 1:
            raise InputError("This sound is too short for the model's first frame; give a longer one.")
        pixels = spectrogram_pixels(self._for_the_eye(samples, frames))
        photo = Photo(pixels, ASPECT, (1, frames), cell="frame", picture="spectrogram")
        return photo, time_names(frames, self._stride / self.extractor.rate)

    def note(self, seconds: float) -> str:
        return "The model reads the samples of the sound; the spectrogram is drawn for the eye."

    def _for_the_eye(self, samples: np.ndarray, frames: int) -> np.ndarray:
        """A log-mel spectrogram [band, column] whose columns lie around the middles of the frames."""
        rate, size = self.extractor.rate, max(64, round(0.025 * self.extractor.rate))
        step = self._stride / COLUMNS
        first = (self._width - self._stride) / 2 + step / 2  # the middle of the first column, in samples
        starts = np.rint(first + step * np.arange(frames * COLUMNS) - size / 2).astype(int)
        at = starts[:, None] + np.arange(size)  # [column, sample]
        cut = np.where((at >= 0) & (at < len(samples)), samples[at.clip(0, len(samples) - 1)], 0)
        power = np.abs(np.fft.rfft(cut * np.hanning(size))) ** 2  # [column, frequency]
        filters = mel_filter_bank(power.shape[1], BANDS, 0.0, rate / 2, rate)
        mel = (power @ filters).T
        levels: np.ndarray = np.log10(np.maximum(mel, max(float(mel.max()), 1e-30) * QUIETEST))
        return levels


class Patches(FrontEnd):
    """The Audio Spectrogram Transformer: patches of a spectrogram, overlapping (Gong et al. 2021, section 2.1)."""

    prefix = ("[CLS]", "[DIST]")

    def __init__(self, extractor: OwnExtractor, config: PretrainedConfig) -> None:
        settings = extractor.settings
        super().__init__(extractor, 0.01 * config.max_length + 0.015)  # frames of 25 ms, every 10 ms
        self._size, self._steps = int(config.patch_size), (int(config.frequency_stride), int(config.time_stride))
        if (settings["max_length"], settings["num_mel_bins"]) != (config.max_length, config.num_mel_bins):
            raise CheckpointError(
                "The feature extractor makes other spectrograms than the model reads; save the model's own beside it."
            )
        if not 0 < max(self._steps) <= self._size <= min(config.num_mel_bins, config.max_length) or 0 in self._steps:
            raise CheckpointError("The patches of this model leave gaps, or do not fit its spectrograms.")
        self._num_bands = int(config.num_mel_bins)

    def picture(self, samples: np.ndarray, inputs: Mapping[str, Tensor]) -> tuple[Photo, tuple[str, ...]]:
        levels = inputs["input_values"][0].numpy().T  # [band, frame]
        rows, columns = ((side - self._size) // step + 1 for side, step in zip(levels.shape, self._steps))
        (top, down), (left, across) = (  # of each patch the middle: as much as its neighbours are away
            ((self._size - step) // 2, step) for step in self._steps
        )
        middle = levels[top : top + rows * down, left : left + columns * across]
        photo = Photo(spectrogram_pixels(middle), ASPECT, (rows, columns), cell="patch", picture="spectrogram")
        times = time_names(columns, 0.01 * across)
        pitches = [self._hertz(row * down + self._size / 2) for row in reversed(range(rows))]
        return photo, tuple(f"{time}, {pitch:,.0f} Hz" for pitch in pitches for time in times)

    def note(self, seconds: float) -> str:
        overlap = (
            f"A patch is {self._size} frames of 10 ms by {self._size} bands and overlaps its neighbours; what is drawn "
            "of it is its middle."
        )
        return f"{_filled_up(seconds, self.seconds, 'zeros')} {overlap}".strip()

    def order(self, grid: tuple[int, int]) -> Tensor:
        """The model's lowest row comes first, the picture's comes last."""
        before, cells = torch.arange(len(self.prefix)), torch.arange(math.prod(grid)).view(grid)
        return torch.cat([before, len(self.prefix) + cells.flip(0).flatten()])

    def _hertz(self, band: float) -> float:
        """Where a band lies, counted from 0 and a fraction: from 20 Hz to half the rate, as Kaldi has the mel scale."""
        low, high = (1127.0 * math.log(1 + hertz / 700) for hertz in (20.0, self.extractor.rate / 2))
        return float(mel_to_hertz(low + (band + 0.5) * (high - low) / (self._num_bands + 1), mel_scale="kaldi"))


def _filled_up(seconds: float, whole: float, with_what: str) -> str:
    if seconds > whole - 0.02:
        return ""
    return (
        f"The model always hears {whole:.4g} s: what follows the {seconds:.2f} s of this sound is {with_what}, and it "
        "looks at that as well."
    )
