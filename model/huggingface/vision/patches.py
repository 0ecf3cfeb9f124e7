"""Which position of a vision transformer is which patch: tried out, for no configuration says it."""

import inspect
from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.network import refusing
from headlens.model.huggingface.record.probe import ProbeResult

GRID = (3, 4)  # rows and columns of patches of the images that a model is tried on
CHANGED = (4, 11)  # two of these patches: the first of the second row, and the last


@torch.inference_mode()
def options_of(network: PreTrainedModel, patch: int) -> dict[str, object]:
    """What a model's forward needs beside the pixels to read images of any size.

    Raises CheckpointError for a model that does not read them.
    """
    parts = [part for part in network.modules() if isinstance(part, PreTrainedModel)]
    stretches = any("interpolate_pos_encoding" in inspect.signature(part.forward).parameters for part in parts)
    options: dict[str, object] = {"interpolate_pos_encoding": True} if stretches else {}
    with refusing(f"{type(network).__name__} cannot be run on an image of any size"):
        network(pixel_values=noise_images(network, patch)[:1], **options)
    return options


def noise_images(network: PreTrainedModel, patch: int) -> Tensor:
    """Noise [3, 3, height, width]: the second image differs from the first in one patch alone, so does the third."""
    rows, columns = GRID
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, rows * patch, columns * patch, generator=generator).repeat(3, 1, 1, 1)
    for index, changed in enumerate(CHANGED):
        top, left = patch * (changed // columns), patch * (changed % columns)
        other = torch.randn(3, patch, patch, generator=generator)
        images[1 + index, :, top : top + patch, left : left + patch] = other
    return images.to(network.device, network.dtype)


@torch.inference_mode()
def num_prefix(result: ProbeResult, inputs: Mapping[str, object]) -> int:
    """How many positions come before the patches; every layer has to have all, row by row and last.

    When a patch changes, only its own position changes in the scores of the first layer.
    Raises CheckpointError.
    """
    run = result.recorder.run(inputs)
    layers = [layer for stage in run.stages.values() for layer in stage]
    shapes = {(*layer.query.shape[:-1], layer.key.shape[-2]) for layer in layers}
    batch, _, num_queries, num_keys = next(iter(shapes))
    before = num_queries - GRID[0] * GRID[1]
    positions = None
    if len(shapes) == 1 == len(run.stages) and batch == 3 and num_queries == num_keys and before >= 0:
        own = layers[0].scores(slice(None), slice(None)).diagonal(dim1=-2, dim2=-1)  # [image, head, token]
        moved = (own[1:] - own[:1]).abs().amax(dim=1)  # [image, token]
        moved = moved > 1e-3 * moved.amax(dim=-1, keepdim=True)
        positions = [tuple(row.nonzero().flatten().tolist()) for row in moved]
    if positions != [(before + patch,) for patch in CHANGED]:
        raise CheckpointError(
            f"{type(result.recorder.network).__name__} does not give each patch of an image one position in every "
            "layer; take a plain vision transformer."
        )
    return int(before)
