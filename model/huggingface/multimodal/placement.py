"""How an image goes into a language model: which pixels its vision part takes, and which tokens stand for patches."""

import inspect
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import SIZES
from headlens.model.inputs.patches import cut_patches


class Tokens(Enum):
    """What one of the image's tokens stands for."""

    PATCH = "one patch"
    SHUFFLED = "a square of patches, which the vision part still gives one by one, row by row"
    MERGED = "a square of patches, which the vision part reads next to each other"


TOKENS = {
    "llava": Tokens.PATCH,
    "idefics3": Tokens.SHUFFLED,
    "smolvlm": Tokens.SHUFFLED,
    "qwen2_vl": Tokens.MERGED,
    "qwen2_5_vl": Tokens.MERGED,
}
FRAME = ("<fake_token_around_image>", "<global-img>"), ("<fake_token_around_image>",)  # of Idefics 3's family


@dataclass(frozen=True)
class ImagePlacement:
    """Where the image stands in a prompt, and what its tokens are."""

    tokens: Tokens
    token: int  # that stands for each patch
    before: tuple[int, ...]  # tokens in front of the image
    after: tuple[int, ...]  # tokens behind it
    patch: int  # pixels a side, of the vision part
    side: int  # patches a side of the square that one token stands for
    image_size: int | None  # pixels a side of the square that is read; None: any whole patches

    def inputs(self, network: PreTrainedModel, pixels: Tensor, ids: Tensor) -> dict[str, object]:
        """What the forward takes: pixels [1, 3, height, width] and ids [1, token] with the image's tokens in them."""
        known = inspect.signature(network.forward).parameters
        inputs: dict[str, object] = {"input_ids": ids, "use_cache": False}
        if self.tokens is Tokens.PATCH:
            inputs["pixel_values"] = pixels
        elif self.tokens is Tokens.SHUFFLED:
            inputs["pixel_values"] = pixels[:, None]  # an axis of images
        else:
            inputs |= self._merged(network, pixels)
            if "mm_token_type_ids" in known:
                inputs["mm_token_type_ids"] = (ids == self.token).int()
        if "logits_to_keep" in known:
            inputs["logits_to_keep"] = 1
        return inputs

    def _merged(self, network: PreTrainedModel, pixels: Tensor) -> dict[str, Tensor]:
        """Patches one by one, those of one token next to each other, each as two equal frames of a video (Qwen2-VL)."""
        frames = network.config.vision_config.temporal_patch_size
        rows, columns = (side // (self.patch * self.side) for side in pixels.shape[-2:])
        cut = cut_patches(pixels[0], (rows * self.side, columns * self.side), axis=-2)  # [channel, patch, …]
        patches = cut.transpose(0, 1)[self.vision_order(rows, columns).argsort()]  # [patch, channel, height, width]
        patches = patches.unsqueeze(2).expand(-1, -1, frames, -1, -1)
        grid = torch.tensor([[1, rows * self.side, columns * self.side]], device=pixels.device)
        return {"pixel_values": patches.reshape(rows * columns * self.side**2, -1), "image_grid_thw": grid}

    def vision_order(self, rows: int, columns: int) -> Tensor:
        """Where the vision part has each patch of [rows, columns] tokens, row by row of patches."""
        positions = torch.arange(rows * columns * self.side**2)
        if self.tokens is not Tokens.MERGED:
            return positions
        return positions.view(rows, columns, self.side, self.side).transpose(1, 2).flatten()


def image_placement_of(network: PreTrainedModel, tokenizer: Tokenizer) -> ImagePlacement:
    """How a model takes an image, by its configuration. Raises CheckpointError for a family that is not known here."""
    config: Any = network.config
    tokens = TOKENS.get(config.model_type)
    if tokens is None:
        raise CheckpointError(
            f"Where an image stands in the texts of {type(network).__name__} is not known here; "
            "LLaVA, Qwen2-VL, Idefics 3 and SmolVLM are."
        )
    vision = config.vision_config
    vocabulary = config.get_text_config().vocab_size
    token: Any = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
    sides = {
        Tokens.PATCH: 1,
        Tokens.SHUFFLED: getattr(config, "scale_factor", 1),
        Tokens.MERGED: getattr(vision, "spatial_merge_size", 1),
    }
    side = sides[tokens]
    image_size = None if tokens is Tokens.MERGED else vision.image_size
    sizes = (token, vision.patch_size, side, 1 if image_size is None else image_size)
    whole = all(isinstance(size, int) and size >= 0 for size in sizes)
    if not whole or vision.patch_size * side == 0 or (image_size or 0) > 2 * SIZES[1]:
        raise CheckpointError(
            f"The config.json of {type(network).__name__} gives no image token, or no image of whole patches."
        )
    frame: list[list[int | None]] = [[], []]
    if tokens is Tokens.MERGED:
        frame = [[getattr(config, f"vision_{end}_token_id", None)] for end in ("start", "end")]
    elif tokens is Tokens.SHUFFLED:
        frame = [[tokenizer.token_to_id(name) for name in names] for names in FRAME]
    before, after = (tuple(n for n in part if isinstance(n, int) and n < vocabulary) for part in frame)
    return ImagePlacement(
        tokens=tokens,
        token=token,
        before=before,
        after=after,
        patch=vision.patch_size,
        side=side,
        image_size=image_size,
    )
