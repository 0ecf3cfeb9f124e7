"""The vision part of a language model, its patches put into the order of the picture."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.huggingface.multimodal.placement import ImagePlacement
from headlens.model.huggingface.record.reorder import reordered
from headlens.model.inputs.image import patch_names
from headlens.model.recording.recording import Recording


def vision_stage(
    recording: Recording, layers: Sequence[AttentionInputs], placement: ImagePlacement
) -> Recording | None:
    """The vision part's own attention beside its language model's recording, the patches row by row.

    None where its layers have not all the same positions, one a patch behind at most one other.
    """
    assert recording.photo is not None
    rows, columns = recording.photo.grid
    rows, columns = rows * placement.side, columns * placement.side
    shapes = {tuple(layer.query.shape[:-1]) for layer in layers}
    if len(shapes) != 1:
        return None
    batch, _, num_tokens = shapes.pop()
    prefix = num_tokens - rows * columns
    if batch != 1 or prefix not in (0, 1):
        return None
    order = torch.cat([torch.arange(prefix), prefix + placement.vision_order(*recording.photo.grid)])
    return replace(
        recording,
        layers=reordered(layers, order.to(layers[0].query.device)),
        tokens=(*["[CLS]"] * prefix, *patch_names(rows, columns)),
        ids=(),
        words=(None,) * num_tokens,
        special=np.arange(num_tokens) < prefix,
        segments=(0,) * num_tokens,
        prefix_tokens=prefix,
        photo=recording.photo._replace(grid=(rows, columns)),
        notes={},
        predictions=(),
        stage="vision",
    )
