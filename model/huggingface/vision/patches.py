"""Which position of a vision transformer is which patch: tried out, for no configuration says it."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.errors import CheckpointError
from headlens.model.huggingface.record.probe import ProbeResult

GRID = (3, 4)  # rows and columns of patches of the images that a model of any size is tried on


@dataclass(frozen=True)
class Form:
    """What images a model reads."""

    patch: tuple[int, int]  # pixels, height and width
    grid: tuple[int, int]  # rows and columns of patches to try it on
    is_fixed: bool  # whether it reads no other grid
    options: Mapping[str, object]  # that its forward takes beside the pixels

    @property
    def changed(self) -> tuple[int, int]:
        """Two patches: the first of the second row, if there are two, and the last."""
        rows, columns = self.grid
        return (columns if rows > 1 else 0), rows * columns - 1


@torch.inference_mode()
def form_of(network: PreTrainedModel, patch: tuple[int, int], trained: tuple[int, int] | None) -> Form:
    """What images a model reads: of any size; else of the grid that it was trained on.

    transformers cannot stretch the positions of a grid that is no square, nor those of patches that are none.
    Raises CheckpointError for a model that reads neither.
    """
    parts = [part for part in network.modules() if isinstance(part, PreTrainedModel)]
    stretches = any("interpolate_pos_encoding" in inspect.signature(part.forward).parameters for part in parts)
    options: dict[str, object] = {"interpolate_pos_encoding": True} if stretches else {}
    forms = [Form(patch, GRID, False, options)] if patch[0] == patch[1] else []
    forms += [] if trained is None else [Form(patch, trained, True, {})]
    refused: Exception | None = None
    for form in forms:
        try:
            network(pixel_values=noise_images(network, form)[:1], **form.options)
        except Exception as error:  # somebody's model may raise anything
            refused = error
        else:
            return form
    raise CheckpointError(
        f"{type(network).__name__} cannot be run on an image alone; take a model that reads nothing else."
    ) from refused


def has_learned_positions(network: PreTrainedModel) -> bool:
    """Whether it has a table of positions, which other grids than the trained one stretch."""
    return any(
        re.search(r"position_embeddings?\b|relative_position_bias", name) for name, _ in network.named_parameters()
    )


def noise_images(network: PreTrainedModel, form: Form) -> Tensor:
    """Noise [3, channel, height, width]: the second and the third image differ from the first in one patch each."""
    (rows, columns), (height, width) = form.grid, form.patch
    generator = torch.Generator().manual_seed(0)
    channels = channels_of(network)
    images = torch.randn(1, channels, rows * height, columns * width, generator=generator).repeat(3, 1, 1, 1)
    for index, changed in enumerate(form.changed):
        top, left = height * (changed // columns), width * (changed % columns)
        other = torch.randn(channels, height, width, generator=generator)
        images[1 + index, :, top : top + height, left : left + width] = other
    return images.to(network.device, network.dtype)


def channels_of(network: PreTrainedModel) -> int:
    """How many channels a model's images have."""
    return int(getattr(getattr(network.config, "vision_config", network.config), "num_channels", 3))


@torch.inference_mode()
def num_prefix(result: ProbeResult, inputs: Mapping[str, object], form: Form) -> int:
    """How many positions come before the patches; every layer has to have all, row by row and last.

    When a patch changes, only its own position changes in the scores of the first layer.
    Raises CheckpointError.
    """
    run = result.recorder.run(inputs)
    layers = [layer for stage in run.stages.values() for layer in stage]
    shapes = {(*layer.query.shape[:-1], layer.key.shape[-2]) for layer in layers}
    batch, _, num_queries, num_keys = next(iter(shapes))
    before = num_queries - form.grid[0] * form.grid[1]
    positions = None
    if len(shapes) == 1 == len(run.stages) and batch == 3 and num_queries == num_keys and before >= 0:
        own = layers[0].scores(slice(None), slice(None)).diagonal(dim1=-2, dim2=-1)  # [image, head, token]
        moved = (own[1:] - own[:1]).abs().amax(dim=1)  # [image, token]
        moved = moved > 1e-3 * moved.amax(dim=-1, keepdim=True)
        positions = [tuple(row.nonzero().flatten().tolist()) for row in moved]
    if positions != [(before + patch,) for patch in form.changed]:
        raise CheckpointError(
            f"{type(result.recorder.network).__name__} does not give each patch of an image one position in every "
            "layer; take a plain vision transformer."
        )
    return int(before)
