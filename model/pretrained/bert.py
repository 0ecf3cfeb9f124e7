"""BERT checkpoints in the Hugging Face layout (config.json, model.safetensors) as a TextEncoder."""

import json
from pathlib import Path
from typing import TypedDict

from safetensors.torch import load_file

from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.text import TextConfig, TextEncoder

EMBEDDINGS = {
    "tokens.weight": "embeddings.word_embeddings.weight",
    "positions.weight": "embeddings.position_embeddings.weight",
    "segments.weight": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
LAYER = {
    "attention.query": "attention.self.query",
    "attention.key": "attention.self.key",
    "attention.value": "attention.self.value",
    "attention.output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "mlp.0": "intermediate.dense",
    "mlp.2": "output.dense",
    "mlp_norm": "output.LayerNorm",
}


class BertConfig(TypedDict):
    """What is read of a BERT config.json."""

    num_hidden_layers: int
    num_attention_heads: int
    hidden_size: int
    intermediate_size: int
    layer_norm_eps: float
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int


def load_bert(config_path: Path, weights_path: Path) -> TextEncoder:
    """The encoder with its weights, in float32 on the CPU."""
    config = read_config(json.loads(config_path.read_text()))
    weights = load_file(weights_path)
    network = TextEncoder(config)  # not on torch's "meta": its normal_ imports torch._dynamo, which takes far longer
    network.load_state_dict({ours: weights[theirs] for ours, theirs in parameter_names(config).items()}, assign=True)
    return network.eval()


def read_config(config: BertConfig) -> TextConfig:
    """A TextConfig from the fields of a BERT config.json."""
    return TextConfig(
        encoder=EncoderConfig(
            num_layers=config["num_hidden_layers"],
            num_heads=config["num_attention_heads"],
            width=config["hidden_size"],
            mlp_width=config["intermediate_size"],
            norm_eps=config["layer_norm_eps"],
            pre_norm=False,
        ),
        vocabulary=config["vocab_size"],
        num_positions=config["max_position_embeddings"],
        num_segments=config["type_vocab_size"],
    )


def parameter_names(config: TextConfig) -> dict[str, str]:
    """Our parameter name -> the checkpoint's."""
    layers = {
        f"encoder.layers.{index}.{ours}.{part}": f"encoder.layer.{index}.{theirs}.{part}"
        for index in range(config.encoder.num_layers)
        for ours, theirs in LAYER.items()
        for part in ("weight", "bias")
    }
    return EMBEDDINGS | layers
