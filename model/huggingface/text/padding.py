"""Whether texts of different lengths may run together."""

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from headlens.model.huggingface.text.model import TransformersText

TEXT = "A text that is shorter than another one is the same beside it."
TOLERANCE = 1e-4  # of weights, and of values beside the largest


def pads_exactly(model: "TransformersText") -> bool:
    """Whether a model gives a text beside a longer one what it gives the text alone: tried on a text and its half.

    A convolution over tokens, say, reads what lies behind the end of a text, whatever the mask hides from attention
    (ConvBERT); and a classifier without a padding token takes one text only.
    """
    long = model.read(TEXT)
    half = max(1, len(long.ids) // 2)
    short = replace(long, ids=long.ids[:half], type_ids=long.type_ids[:half])
    try:
        with torch.inference_mode():
            together, alone = model.run([long, short]), model.run([short])
    except (ValueError, RuntimeError, TypeError, IndexError):  # somebody's model may raise any of them
        return False
    tolerance = TOLERANCE if torch.finfo(model.network.dtype).bits >= 32 else 0.05
    for stage in alone.stages:
        shape = model.shape_of(short, stage)
        for padded, own in zip(together.layers(stage, 1, shape), alone.layers(stage, 0, shape), strict=True):
            weights = _difference(padded.weights(slice(None)), own.weights(slice(None)))
            values = _difference(padded.value, own.value) / max(float(own.value.abs().max()), 1e-30)
            if not max(weights, values) <= tolerance:
                return False
    return True


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one.double() - other.double()).abs().max())
