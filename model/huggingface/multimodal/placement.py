"""How an image goes into a language model: which pixels its vision part takes, and which tokens stand for patches."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.inputs.image import SIZES
from headlens.model.inputs.patches import cut_patches

WAYS = {"llava": "whole", "idefics3": "shuffled", "smolvlm": "shuffled", "qwen2_vl": "merged", "qwen2_5_vl": "merged"}
FRAME = ("<fake_token_around_image>", "<global-img>"), ("<fake_token_around_image>",)  # of Idefics 3's family


@dataclass(frozen=True)
class ImagePlacement:
    """Where the image stands in a prompt, and what its tokens are."""

    way: str  # "whole": a token a patch; "shuffled" and "merged": a token for a square of patches
    token: int  # that stands for each patch
    before: tuple[int, ...]  # tokens that announce the image
    after: tuple[int, ...]  # and that end it
    patch: int  # pixels a side, of the vision part
    side: int  # patches a side of the square that one token stands for
    image_size: int | None  # pixels a side of the square that is read; None: any whole patches

    def inputs(self, network: PreTrainedModel, pixels: Tensor, ids: Tensor) -> dict[str, Any]:
        """What the forward takes: pixels [1, 3, height, width] and ids [1, token] with the image's tokens in them."""
        known = inspect.signature(network.forward).parameters
        given: dict[str, Any] = {"input_ids": ids, "use_cache": False}
        if self.way == "whole":
            given["pixel_values"] = pixels
        elif self.way == "shuffled":
            given["pixel_values"] = pixels[:, None]  # an axis of images
        else:
            given |= self._merged(network, pixels)
            if "mm_token_type_ids" in known:
                given["mm_token_type_ids"] = (ids == self.token).int()
        if "logits_to_keep" in known:
            given["logits_to_keep"] = 1
        return given

    def _merged(self, network: PreTrainedModel, pixels: Tensor) -> dict[str, Tensor]:
        """Patches one by one, those of one token next to each other, each as two equal frames of a film (Qwen2-VL)."""
        frames = network.config.vision_config.temporal_patch_size
        rows, columns = (length // (self.patch * self.side) for length in pixels.shape[-2:])
        cut = cut_patches(pixels[0], (rows * self.side, columns * self.side), axis=-2)  # [channel, patch, height, width]
        patches = cut.transpose(0, 1)[self.vision_order(rows, columns).argsort()]  # [patch, channel, height, width]
        patches = patches.unsqueeze(2).expand(-1, -1, frames, -1, -1)
        grid = torch.tensor([[1, rows * self.side, columns * self.side]], device=pixels.device)
        return {"pixel_values": patches.reshape(rows * columns * self.side**2, -1), "image_grid_thw": grid}

    def vision_order(self, rows: int, columns: int) -> Tensor:
        """Where the vision part has each patch of [rows, columns] tokens, row by row of patches."""
        places = torch.arange(rows * columns * self.side**2)
        if self.way != "merged":
            return places
        return places.view(rows, columns, self.side, self.side).transpose(1, 2).flatten()


def image_placement_of(network: PreTrainedModel, tokenizer: Tokenizer) -> ImagePlacement:
    """How a model takes an image, by its configuration. Raises CheckpointError for a family that is not known here."""
    config: Any = network.config
    way = WAYS.get(config.model_type)
    if way is None:
        raise CheckpointError(
            f"Where an image stands in the texts of {type(network).__name__} is not known here; "
            "LLaVA, Qwen2-VL, Idefics 3 and SmolVLM are."
        )
    vision = config.vision_config
    vocabulary = config.get_text_config().vocab_size
    token: Any = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
    side = {
        "whole": 1,
        "shuffled": getattr(config, "scale_factor", 1),
        "merged": getattr(vision, "spatial_merge_size", 1),
    }
    image_size = None if way == "merged" else vision.image_size
    sizes = (token, vision.patch_size, side[way], 1 if image_size is None else image_size)
    whole = all(isinstance(size, int) and size >= 0 for size in sizes)
    if not whole or vision.patch_size * side[way] == 0 or (image_size or 0) > 2 * SIZES[1]:
        raise CheckpointError(
            f"The config.json of {type(network).__name__} gives no image token, or no image of whole patches."
        )
    frame: list[list[int | None]] = [[], []]
    if way == "merged":
        frame = [[getattr(config, f"vision_{end}_token_id", None)] for end in ("start", "end")]
    elif way == "shuffled":
        frame = [[tokenizer.token_to_id(name) for name in names] for names in FRAME]
    before, after = (tuple(n for n in part if isinstance(n, int) and n < vocabulary) for part in frame)
    return ImagePlacement(way, token, before, after, vision.patch_size, side[way], image_size)
