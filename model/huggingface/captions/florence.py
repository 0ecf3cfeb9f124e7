"""Florence-2 (Xiao et al. 2024): its encoder reads features of a photo, and the words of a task behind them."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoProcessor, PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import refusing
from headlens.model.huggingface.vision.own_processor import load_own_processor
from headlens.model.huggingface.vision.patches import Form
from headlens.model.inputs.token_names import TokenNames

TASK = "<CAPTION>"  # which the folder's processor writes out as a question
MEAN = "[MEAN]"  # a feature of the whole photo: the mean of those of all places


@dataclass(frozen=True)
class TaskPrompt:
    """What the encoder reads: one feature of the whole photo, one of each place of it, row by row, and the task."""

    form: Form  # of the photo; the ids of what is read are among its options
    prefix: tuple[str, ...]  # what to call the positions that are no place of the photo
    order: Tensor  # of the encoder's positions [token]: the prefix, then the photo's places


def task_prompt_of(folder: Path, network: PreTrainedModel, names: TokenNames) -> TaskPrompt:
    """How a Florence-2 is asked for a caption, by the processor in its folder.

    A place is a cell of the grid that its vision part (DaViT, Ding et al. 2022) ends in.

    Args:
        folder: with its processor.
        network: the model.
        names: of the tokens.

    Raises CheckpointError for a processor that is damaged, or does not fit the model.
    """
    side = prod(network.config.vision_config.patch_stride)  # pixels of a place
    with refusing(f"The processor in {folder.name!r} cannot be run; save the one that the model was trained with"):
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False, backend="pil")
        blank = [Image.new("RGB", size) for size in ((64, 48), (48, 64))]
        ids = processor(images=blank[0], text=TASK, return_tensors="pt")["input_ids"][0]
        images = load_own_processor(folder, (side, side), 3)
        grids = set() if images is None else {images.read(photo).photo.grid for photo in blank}
    is_image = ids == network.config.image_token_id
    image, others = is_image.nonzero().flatten(), (~is_image).nonzero().flatten()
    if [1 + prod(grid) for grid in grids] != [len(image)]:
        raise CheckpointError(
            f"The processor in {folder.name!r} does not make one token for each place of a photo, and one for all of "
            "it; save the one that the model was trained with."
        )
    return TaskPrompt(
        Form((side, side), grids.pop(), True, {"input_ids": ids[None].to(network.device)}, None),
        (MEAN, *names.of_ids(ids[others].tolist())),
        torch.cat([image[:1], others, image[1:]]).to(network.device),
    )
