"""Which position of a vision transformer is which patch: tried out, for no configuration says it."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.errors import CheckpointError

PATCHLESS = {  # what keeps a family's positions from being one a patch
    "vit_mae": "hides most patches at random before its first layer",
    "yolos": "has detection tokens behind the patches",
}
GRID = (3, 4)  # rows and columns of patches of the images that a model of any size is tried on


@dataclass(frozen=True)
class Form:
    """What images a model reads."""

    patch: tuple[int, int]  # pixels, height and width
    grid: tuple[int, int]  # rows and columns of patches to try it on
    is_fixed: bool  # whether it reads no other grid
    options: Mapping[str, object]  # that its forward takes beside the pixels
    trained: tuple[int, int] | None  # rows and columns that it was trained on, where that is known

    @property
    def changed(self) -> tuple[int, int]:
        """Two patches: the first of the second row, if there are two, and the last."""
        rows, columns = self.grid
        return (columns if rows > 1 else 0), rows * columns - 1


@torch.inference_mode()
def form_of(network: PreTrainedModel) -> Form:
    """What images a vision transformer reads: of any size; else of the grid that it was trained on.

    transformers cannot stretch the positions of a grid that is no square, nor those of patches that are none.
    Raises CheckpointError for a model that reads neither, or whose positions are not one a patch.
    """
    patch, trained = _patch_of(network), None
    if (sides := _sides(getattr(_config_of(network), "image_size", None))) is not None:
        trained = sides[0] // patch[0], sides[1] // patch[1]
    parts = [part for part in network.modules() if isinstance(part, PreTrainedModel)]
    stretches = any("interpolate_pos_encoding" in inspect.signature(part.forward).parameters for part in parts)
    options: dict[str, object] = {"interpolate_pos_encoding": True} if stretches else {}
    forms = [Form(patch, GRID, False, options, trained)] if patch[0] == patch[1] else []
    forms += [] if trained is None else [Form(patch, trained, True, {}, trained)]
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


def _patch_of(network: PreTrainedModel) -> tuple[int, int]:
    """Pixels of a patch, height and width. Raises CheckpointError where positions are known not to be one a patch."""
    config, name = _config_of(network), type(network).__name__
    if hasattr(config, "depths"):
        raise CheckpointError(
            f"{name} works in windows or on a grid that shrinks from layer to layer, so it has no weights over all "
            "patches; take a plain vision transformer."
        )
    if (why := PATCHLESS.get(config.model_type)) is not None:
        raise CheckpointError(f"{name} {why}, so it has no weights over all patches; take a plain vision transformer.")
    patch, channels = _sides(getattr(config, "patch_size", None)), channels_of(network)
    if patch is None or min(patch) < 1:
        raise CheckpointError(f"{name} does not say how large its patches are; take a plain vision transformer.")
    if channels not in (1, 3):
        raise CheckpointError(f"{name} reads {channels} channels, but a photo has one or three; take another model.")
    return patch


def _config_of(network: PreTrainedModel) -> PretrainedConfig:
    config: PretrainedConfig = getattr(network.config, "vision_config", network.config)
    return config


def _sides(value: object) -> tuple[int, int] | None:
    """Pixels of both sides, height first, where a configuration says them."""
    height, width = value if isinstance(value, list | tuple) and len(value) == 2 else (value, value)
    return (height, width) if isinstance(height, int) and isinstance(width, int) else None


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
    return int(getattr(_config_of(network), "num_channels", 3))


def prefix_of(layers: Sequence[AttentionInputs], form: Form, encoder: PreTrainedModel) -> tuple[str, ...]:
    """What to call the positions before the patches; every layer has to have all, row by row and last.

    When a patch changes, only its own position changes in the scores of the first layer.

    Args:
        layers: of a run on `noise_images`, [image, head, token, d].
        form: of what it reads.
        encoder: the network, or the part of it that reads images.

    Raises CheckpointError.
    """
    shapes = {(*layer.query.shape[:-1], layer.key.shape[-2]) for layer in layers}
    before, positions = -1, None
    if len(shapes) == 1:
        batch, _, num_queries, num_keys = next(iter(shapes))
        before = num_queries - form.grid[0] * form.grid[1]
        if batch == 3 and num_queries == num_keys and before >= 0:
            own = layers[0].scores(slice(None), slice(None)).diagonal(dim1=-2, dim2=-1)  # [image, head, token]
            moved = (own[1:] - own[:1]).abs().amax(dim=1)  # [image, token]
            moved = moved > 1e-3 * moved.amax(dim=-1, keepdim=True)
            positions = [tuple(row.nonzero().flatten().tolist()) for row in moved]
    if positions != [(before + patch,) for patch in form.changed]:
        raise CheckpointError(
            f"{type(encoder).__name__} does not give each patch of an image one position in every layer; take a plain "
            "vision transformer."
        )
    if _config_of(encoder).model_type == "deit" and before == 2:
        return "[CLS]", "[DIST]"
    return ("[CLS]", *(f"[REG{index}]" for index in range(before - 1))) if before else ()
