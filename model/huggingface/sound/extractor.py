"""What a model's own feature extractor makes of a sound, to the bit."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoFeatureExtractor
from transformers.feature_extraction_sequence_utils import SequenceFeatureExtractor

from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.limits import read_json
from headlens.model.huggingface.load.network import refusing

MOST: Mapping[str, float] = {  # of what an extractor's memory depends on
    "sampling_rate": 192_000,
    "feature_size": 512,
    "num_mel_bins": 512,
    "n_fft": 8_192,
    "chunk_length": 60,  # seconds
    "max_length": 6_000,  # frames of 10 ms
    "max_frequency": 96_000,
    "hop_length": 8_192,
}
LEAST = {"hop_length": 10, "sampling_rate": 4_000}


class OwnExtractor:
    """transformers' feature extractor of a folder.

    Args:
        extractor: of one channel of samples.
    """

    def __init__(self, extractor: SequenceFeatureExtractor) -> None:
        self.name = type(extractor).__name__
        self.rate = int(extractor.sampling_rate)  # samples a second that it reads
        self.settings = dict(vars(extractor))
        self._extractor = extractor

    def features(self, samples: np.ndarray) -> dict[str, Tensor]:
        """All that it makes of samples [sample] at its rate, by the names that the model's forward knows.

        Raises InputError for samples that it makes no numbers of.
        """
        try:
            made = self._extractor(samples, sampling_rate=self.rate, return_tensors="pt")
        except Exception as error:  # a folder's extractor may raise anything
            raise InputError("The model's own feature extractor cannot read this sound; give another one.") from error
        features = {str(name): torch.as_tensor(value) for name, value in made.items()}
        if not all(bool(value.isfinite().all()) for value in features.values()):
            raise InputError("The model's own feature extractor makes no numbers of this sound; give another one.")
        return features


def load_extractor(folder: Path) -> OwnExtractor:
    """The feature extractor in a folder, its sizes bounded before it is made. Raises CheckpointError."""
    _check_sizes(folder)
    with refusing(f"transformers cannot load the feature extractor in {folder.name!r}; save it with save_pretrained"):
        extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return OwnExtractor(extractor)


def _check_sizes(folder: Path) -> None:
    alone, inside = folder / "preprocessor_config.json", folder / "processor_config.json"
    found = [path for path in (alone, inside) if path.is_file()]
    if not found:
        raise CheckpointError(
            f"There is no preprocessor_config.json in {folder.name!r}; save the feature extractor there, which says "
            "how sounds are read."
        )
    for path in found:
        whole = read_json(path)
        parts = [whole, *whole.values()] if isinstance(whole, dict) else []
        for settings in (part for part in parts if isinstance(part, dict)):
            for name, value in settings.items():
                if name in MOST and not (isinstance(value, int | float) and LEAST.get(name, 1) <= value <= MOST[name]):
                    raise CheckpointError(f"The {path.name} says {name} = {value!r:.40}, which is not read.")
