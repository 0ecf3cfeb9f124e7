"""Models of sounds that always hear the same length, made to hear a short one while they are tried."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

FRAMES = 8  # of Whisper; columns of patches of an AST


@contextmanager
def hears_little(network: PreTrainedModel, inputs: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The beginning of the inputs, which the network reads inside the context: its first positions are left to it.

    All weights over 1,500 frames, of each head of each layer, take gigabytes. Of a model that hears sounds of any
    length, the inputs are as they are. No other thread may use the network meanwhile.
    """
    parts = {type(part).__name__: part for part in network.modules()}
    if (encoder := parts.get("WhisperEncoder")) is not None:
        config, table = encoder.config, encoder.embed_positions
        whole = config.max_source_positions
        config.max_source_positions = table.num_embeddings = short = min(FRAMES, whole)
        try:
            yield {**inputs, "input_features": inputs["input_features"][..., : 2 * short]}
        finally:
            config.max_source_positions = table.num_embeddings = whole
    elif (embeddings := parts.get("ASTEmbeddings")) is not None:
        config, table = embeddings.config, embeddings.position_embeddings
        whole = table.data
        rows, columns = embeddings.get_shape(config)
        short = min(FRAMES, columns)
        of_patches = whole[:, 2:].unflatten(1, (rows, columns))[:, :, :short].flatten(1, 2)
        table.data = torch.cat([whole[:, :2], of_patches], dim=1)
        try:
            length = (short - 1) * config.time_stride + config.patch_size
            yield {**inputs, "input_values": inputs["input_values"][:, :length]}
        finally:
            table.data = whole
    else:
        yield dict(inputs)
