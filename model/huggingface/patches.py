"""Which position of a vision transformer is which patch: tried out, for no configuration says it."""

import inspect
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from model.errors import CheckpointError
from model.huggingface.network import reason_of
from model.huggingface.probe import Probed
from model.inputs import MAX_PATCHES

PROBED = (3, 4)  # rows and columns of patches of the images that a model is tried on, where it takes any size


@torch.inference_mode()
def how_to_run(network: PreTrainedModel, patch: int, image_size: int | None) -> tuple[dict[str, Any], tuple[int, int]]:
    """Which options of its forward a model needs, and a grid that it can read: PROBED, or its configuration's alone.

    Raises CheckpointError for a model that does not run on an image.
    """
    parts = [part for part in network.modules() if isinstance(part, PreTrainedModel)]
    stretches = any("interpolate_pos_encoding" in inspect.signature(part.forward).parameters for part in parts)
    tries: list[tuple[dict[str, Any], tuple[int, int]]] = [
        ({"interpolate_pos_encoding": True} if stretches else {}, PROBED)
    ]
    if image_size is not None and patch <= image_size <= patch * int(MAX_PATCHES**0.5):
        tries.append(({}, (image_size // patch, image_size // patch)))
    reason = ""
    for options, grid in tries:
        try:
            network(pixel_values=pictures(network, patch, grid)[:1], **options)
        except Exception as error:  # whatever a model of somebody's raises when it runs
            reason = reason_of(error)
            continue
        return options, grid
    raise CheckpointError(f"{type(network).__name__} cannot be run on an image alone ({reason}).")


def pictures(network: PreTrainedModel, patch: int, grid: tuple[int, int]) -> Tensor:
    """Noise [3, 3, height, width]: the second picture differs from the first in one patch alone, so does the third."""
    rows, columns = grid
    generator = torch.Generator().manual_seed(0)
    made = torch.randn(1, 3, rows * patch, columns * patch, generator=generator).repeat(3, 1, 1, 1)
    for number, place in enumerate(_changed(grid)):
        top, left = patch * (place // columns), patch * (place % columns)
        other = torch.randn(3, patch, patch, generator=generator)
        made[1 + number, :, top : top + patch, left : left + patch] = other
    return made.to(network.device, network.dtype)


def _changed(grid: tuple[int, int]) -> tuple[int, int]:
    """Two patches, by their numbers: the first of the second row, and the last."""
    rows, columns = grid
    return columns % (rows * columns), rows * columns - 1


def num_prefix(probed: Probed, inputs: dict[str, Any], grid: tuple[int, int]) -> int:
    """How many positions come before the patches; every layer has to have all, row by row and last.

    A patch's own position is the only one that the first layer sees changed when the patch changes.
    Raises CheckpointError.
    """
    run = probed.recorder.run(inputs)
    num_patches = grid[0] * grid[1]
    layers = [heads for stage in run.stages.values() for heads in stage]
    shapes = {(*heads.query.shape[:-1], heads.key.shape[-2]) for heads in layers}
    batch, _, num_queries, num_keys = next(iter(shapes))
    before = num_queries - num_patches
    found = None
    if len(shapes) == 1 == len(run.stages) and batch == 3 and num_queries == num_keys and before >= 0:
        own = layers[0].scores(slice(None), slice(None)).diagonal(dim1=-2, dim2=-1)  # [picture, head, token]
        moved = (own[1:] - own[:1]).abs().amax(dim=1)  # [picture, token]
        moved = moved > 1e-3 * moved.amax(dim=-1, keepdim=True)
        found = [tuple(row.nonzero().flatten().tolist()) for row in moved]
    if found != [(before + place,) for place in _changed(grid)]:
        raise CheckpointError(
            f"{type(probed.recorder.network).__name__} does not give each patch of an image one position in every "
            "layer; take a plain vision transformer."
        )
    return before
