"""Our networks and transformers' eager ones on one device: how far their weights differ. Nothing here needs a GPU."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.attention.inputs import AttentionInputs
from headlens.model.inputs.image import read_image
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.saliency import SaliencyDecoder
from headlens.model.nn.text import TextConfig, TextEncoder
from headlens.model.nn.vit import VisionConfig, VisionTransformer
from headlens.model.pretrained.bert import read_config
from headlens.model.pretrained.dinov2_onnx import CONFIG as DINOV2
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.references import bert_like, dinov2_like

Network = TypeVar("Network", bound=nn.Module)
TEXT = TextConfig(EncoderConfig(4, 4, 128, 256, norm_eps=1e-12, pre_norm=False), vocabulary=100, num_positions=64)
VISION = VisionConfig(
    EncoderConfig(4, 4, 128, 256, norm_eps=1e-6, pre_norm=True, layer_scale=True), patch=14, position_grid=(5, 5)
)


@dataclass(frozen=True)
class Comparison:
    """Of one run of both networks."""

    layers: tuple[AttentionInputs, ...]  # ours
    differences: tuple[float, ...]  # the largest between two weights, of each layer
    peak: float  # the largest weight: were all alike, no difference would show

    @property
    def largest(self) -> float:
        return max(self.differences)


def text(device: str, dtype: torch.dtype) -> Comparison:
    """Random BERTs with a padded batch of two pairs."""
    network = _peaked(TextEncoder(TEXT)).to(device, dtype).eval()
    generator = torch.Generator().manual_seed(0)
    ids, segments = (torch.randint(0, high, (2, 48), generator=generator).to(device) for high in (100, 2))
    real = torch.arange(48, device=device) < torch.tensor([[48], [30]], device=device)
    with torch.inference_mode():
        layers = network(ids, segments, real).layers
        theirs = bert_like(network, TEXT)(ids, real.long(), segments, output_attentions=True)
    return _compare(layers, theirs.attentions, real)


def image(device: str, dtype: torch.dtype) -> Comparison:
    """Random DINOv2s with two images of 8 x 12 patches, so that the positions are resized."""
    network = _peaked(VisionTransformer(VISION)).to(device, dtype).eval()
    pixels = torch.randn(2, 3, 112, 168, generator=torch.Generator().manual_seed(0)).to(device, dtype)
    with torch.inference_mode():
        layers = network(pixels).layers
        theirs = dinov2_like(network, VISION)(pixels, output_attentions=True)
    return _compare(layers, theirs.attentions)


def _peaked(network: Network) -> Network:
    torch.manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    return network


def _compare(
    layers: tuple[AttentionInputs, ...], attentions: tuple[Tensor, ...], real: Tensor | None = None
) -> Comparison:
    differences = []
    for inputs, attention in zip(layers, attentions, strict=True):
        query, key, value = (vectors.float() for vectors in (inputs.query, inputs.key, inputs.value))
        weights = scaled_dot_product_attention(query, key, value, mask=inputs.mask, scale=inputs.scale).weights
        difference = (weights - attention.float()).abs().amax(dim=(1, 3))  # [batch, query]
        differences.append(float(difference.max() if real is None else difference[real].max()))
    return Comparison(layers, tuple(differences), max(float(attention.max()) for attention in attentions))


def real_text(folder: Path, device: str, dtype: torch.dtype) -> tuple[Recording, tuple[Tensor, ...]]:
    """A pair through MiniLM, from what tests.gpu.copy_weights wrote, and transformers' attentions of it."""
    config = read_config(json.loads((folder / "config.json").read_text()))
    network = TextEncoder(config)
    network.load_state_dict(load_file(folder / "minilm-l6.safetensors"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    model = EncoderTextModel(CATALOGUE["minilm-l6"], network, tokenizer, device=torch.device(device), dtype=dtype)
    pair = ("A man is playing the guitar.", "Someone makes music, unmistakably!")
    encoding = tokenizer.encode(*pair)
    ids, segments = (torch.tensor([numbers], device=device) for numbers in (encoding.ids, encoding.type_ids))
    with torch.inference_mode():
        theirs = bert_like(network, config)(ids, None, segments, output_attentions=True)
    return model.record(pair), theirs.attentions


def real_image(folder: Path, photo: Path, device: str, dtype: torch.dtype) -> tuple[Recording, tuple[Tensor, ...]]:
    """A photo through dinov2-focus, likewise."""
    network, decoder = VisionTransformer(DINOV2), SaliencyDecoder(DINOV2.encoder.width)
    both = nn.ModuleDict({"network": network, "decoder": decoder})
    both.load_state_dict(load_file(folder / "dinov2-focus.safetensors"))
    model = EncoderImageModel(CATALOGUE["dinov2-focus"], network, decoder, device=torch.device(device), dtype=dtype)
    pixels = read_image(photo, DINOV2.patch, 224).pixels.to(device, dtype)
    with torch.inference_mode():
        theirs = dinov2_like(network, DINOV2)(pixels, output_attentions=True)
    return model.record(photo, 224), theirs.attentions
