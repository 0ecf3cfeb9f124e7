"""A person's own labels against a photo: zero-shot classification (Radford et al. 2021, section 3.1.2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from headlens.model.device import enough_memory, free_memory
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.limits import stored_bytes
from headlens.model.huggingface.load.network import LOADING, cast, load_network, load_tokenizer
from headlens.model.recording.parts import Prediction, Predicts, Scores

TEMPLATE = "This is a photo of {}."  # of transformers' pipeline "zero-shot-image-classification"
MAX_LABELS, MAX_CHARACTERS = 32, 100  # of each
TRAINED: Mapping[str, Scores] = {"CLIPModel": "softmax", "SiglipModel": "sigmoid"}  # what makes scores of their logits
SIGLIP_TOKENS = 64  # that texts are filled up to, as it was trained


def check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Labels without the spaces around them, each once. Raises InputError for none, or too many or too long ones."""
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise InputError('Give labels as a list of texts, ["a cat", "a dog"].')
    found = tuple(dict.fromkeys(label.strip() for label in labels if label.strip()))
    if not 1 <= len(found) <= MAX_LABELS:
        raise InputError(f"There are {len(found)} labels; give 1 to {MAX_LABELS}.")
    if (longest := max(found, key=len)) and len(longest) > MAX_CHARACTERS:
        raise InputError(f"The label “{_short(longest)}” has more than {MAX_CHARACTERS} characters; shorten it.")
    return found


class Labeller:
    """A whole model of images and texts, whose vision tower has the very weights of one that is there already.

    Args:
        folder: of the model.
        architecture: of TRAINED.
        vision: the tower for images.

    Raises CheckpointError for a folder whose text tower or tokenizer cannot be loaded.
    """

    def __init__(self, folder: Path, architecture: str, vision: PreTrainedModel) -> None:
        self._scores = TRAINED[architecture]
        needed, free = stored_bytes(folder), free_memory(vision.device)
        if needed > free:
            raise CheckpointError(
                f"The text tower needs up to {needed / 1e9:.1f} GB of memory, but {free / 1e9:.1f} GB are free; take a "
                "smaller model."
            )
        with LOADING:
            network = load_network(folder, architecture, torch.float32)
            self._tokenizer = load_tokenizer(folder)
        cast(network, vision.dtype)
        _share(network.vision_model, vision)
        self._network = network.to(vision.device)
        self._max_tokens = int(network.config.text_config.max_position_embeddings)

    def prediction(self, image: Mapping[str, object], labels: Sequence[str]) -> Prediction:
        """The score of each label, as transformers' pipeline has it.

        Args:
            image: what the forward takes of one image.
            labels: that `check_labels` gave.

        Raises InputError for a label of more tokens than the model reads, DeviceError where memory is full.
        """
        inputs = self._texts(labels)
        with torch.inference_mode(), enough_memory(self._network.device):
            logits: Tensor = self._network(**image, **inputs).logits_per_image[0].float()
        scores = logits.sigmoid() if self._scores == "sigmoid" else logits.softmax(dim=-1)
        ranked = sorted(zip(labels, scores.tolist()), key=lambda row: -row[1])
        return Prediction(None, tuple(ranked), Predicts.LABEL, self._scores)

    def _texts(self, labels: Sequence[str]) -> dict[str, Tensor]:
        texts = [TEMPLATE.format(label) for label in labels]
        limit = self._max_tokens if self._scores == "softmax" else min(SIGLIP_TOKENS, self._max_tokens)
        for label, ids in zip(labels, self._tokenizer(texts)["input_ids"]):
            if len(ids) > limit:
                raise InputError(
                    f"The label “{_short(label)}” takes {len(ids)} tokens with its sentence, and the model reads "
                    f"{limit}; shorten it."
                )
        filled = {"padding": True} if self._scores == "softmax" else {"padding": "max_length", "max_length": limit}
        return dict(self._tokenizer(texts, return_tensors="pt", **filled).to(self._network.device))


def _short(label: str) -> str:
    return label if len(label) <= 20 else f"{label[:20]}…"


def _share(network: nn.Module, other: nn.Module) -> None:
    """Let a network have another one's weights in place of its own, which are equal and take as much memory."""
    theirs = dict(other.named_parameters())
    for name, weights in network.named_parameters():
        weights.data = theirs[name].data
