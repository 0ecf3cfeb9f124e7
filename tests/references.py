"""The same networks as transformers computes them, with eager attention: what ours are held against."""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model

from headlens.model.nn.text import TextConfig, TextEncoder
from headlens.model.nn.vit import VisionConfig, VisionTransformer
from headlens.model.pretrained.bert import parameter_names
from headlens.model.recording.recording import Recording


def bert_from_files(config_path: Path, weights_path: Path) -> BertModel:
    """BERT from the very files that ours is loaded from, without our names for anything."""
    config = BertConfig(**json.loads(config_path.read_text()), attn_implementation="eager")
    bert = BertModel(config, add_pooling_layer=False)
    surplus = ("pooler.", "embeddings.position_ids")
    bert.load_state_dict({k: v for k, v in load_file(weights_path).items() if not k.startswith(surplus)})
    return bert.eval()


def bert_like(network: TextEncoder, config: TextConfig) -> BertModel:
    """BERT with the weights of a network."""
    bert = BertModel(
        BertConfig(
            vocab_size=config.vocabulary,
            hidden_size=config.encoder.width,
            num_hidden_layers=config.encoder.num_layers,
            num_attention_heads=config.encoder.num_heads,
            intermediate_size=config.encoder.mlp_width,
            max_position_embeddings=config.num_positions,
            type_vocab_size=config.num_segments,
            layer_norm_eps=config.encoder.norm_eps,
            attn_implementation="eager",
        ),
        add_pooling_layer=False,
    )
    ours = network.state_dict()
    bert.to(next(network.parameters()))  # its device and number format, before the weights are copied
    bert.load_state_dict({theirs: ours[name] for name, theirs in parameter_names(config).items()})
    return bert.eval()


DINOV2_LAYER = {  # ours -> names in transformers: newer first
    "attention_norm": ("norm1",),
    "attention.query": ("attention.q_proj", "attention.attention.query"),
    "attention.key": ("attention.k_proj", "attention.attention.key"),
    "attention.value": ("attention.v_proj", "attention.attention.value"),
    "attention.output": ("attention.o_proj", "attention.output.dense"),
    "mlp_norm": ("norm2",),
    "mlp.0": ("mlp.fc1",),
    "mlp.2": ("mlp.fc2",),
}


def dinov2_like(network: VisionTransformer, config: VisionConfig) -> Dinov2Model:
    """DINOv2 with the weights of a network."""
    rows, columns = config.position_grid
    assert rows == columns, "transformers knows square grids of positions alone"
    dinov2 = Dinov2Model(
        Dinov2Config(
            hidden_size=config.encoder.width,
            num_hidden_layers=config.encoder.num_layers,
            num_attention_heads=config.encoder.num_heads,
            mlp_ratio=config.encoder.mlp_width // config.encoder.width,
            patch_size=config.patch,
            image_size=rows * config.patch,
            layer_norm_eps=config.encoder.norm_eps,
            qkv_bias=True,
            attn_implementation="eager",
        )
    )
    renamed = _dinov2_state(network.state_dict(), config.encoder.num_layers, set(dinov2.state_dict()))
    dinov2.to(next(network.parameters()))
    unmatched = dinov2.load_state_dict(renamed, strict=False)
    assert unmatched.missing_keys == ["embeddings.mask_token"], unmatched
    assert not unmatched.unexpected_keys, unmatched
    return dinov2.eval()


def _dinov2_state(ours: dict[str, Tensor], num_layers: int, known: set[str]) -> dict[str, Tensor]:
    positions = torch.cat((ours["cls_position"][None], ours["positions.weight"].flatten(0, 1)))
    state = {"embeddings.cls_token": ours["cls_token"][None, None], "embeddings.position_embeddings": positions[None]}
    for part in ("weight", "bias"):
        state[f"embeddings.patch_embeddings.projection.{part}"] = ours[f"patches.projection.{part}"]
        state[f"layernorm.{part}"] = ours[f"encoder.norm.{part}"]
    for index in range(num_layers):
        here, there = f"encoder.layers.{index}", f"encoder.layer.{index}"
        state[f"{there}.layer_scale1.lambda1"] = ours[f"{here}.attention_scale.factor"]
        state[f"{there}.layer_scale2.lambda1"] = ours[f"{here}.mlp_scale.factor"]
        for name, candidates in DINOV2_LAYER.items():
            for part in ("weight", "bias"):
                theirs = next(c for c in candidates if f"{there}.{c}.{part}" in known)
                state[f"{there}.{theirs}.{part}"] = ours[f"{here}.{name}.{part}"]
    return state


def differences(recording: Recording, attentions: tuple[Tensor, ...]) -> np.ndarray:
    """How far each weight is from transformers' [1, head, query, key] of each layer: one long row, without sign."""
    assert len(attentions) == recording.num_layers
    return np.concatenate(
        [
            np.abs(recording.attention(layer) - theirs[0].detach().cpu().double().numpy()).ravel()
            for layer, theirs in enumerate(attentions)
        ]
    )
