"""The vision transformer, with random weights, against transformers' DINOv2."""

import pytest
import torch

from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.vit import VisionConfig, VisionTransformer
from tests.model.nn.weights import randomize
from tests.references import dinov2_like

CONFIG = VisionConfig(
    EncoderConfig(num_layers=3, num_heads=2, width=16, mlp_width=32, norm_eps=1e-6, pre_norm=True, layer_scale=True),
    patch=4,
    position_grid=(5, 5),
)


@pytest.mark.parametrize(("height", "width"), [(20, 20), (8, 24), (24, 8), (4, 4), (28, 28)])
def test_against_dinov2(height: int, width: int) -> None:
    network = VisionTransformer(CONFIG).double()
    randomize(network)
    generator = torch.Generator().manual_seed(height)
    pixels = torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)
    ours, layers, _ = network(pixels)
    theirs = dinov2_like(network, CONFIG)(pixels, output_attentions=True)
    torch.testing.assert_close(ours, theirs.last_hidden_state, atol=1e-12, rtol=0)
    assert ours.shape == (2, 1 + height * width // 16, 16)
    for inputs, attention in zip(layers, theirs.attentions, strict=True):
        weights = scaled_dot_product_attention(
            inputs.query, inputs.key, inputs.value, mask=inputs.mask, scale=inputs.scale
        ).weights
        torch.testing.assert_close(weights, attention, atol=1e-12, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(22, 20), (20, 23), (3, 4)])
def test_pixels_that_are_not_whole_patches_are_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"{height} x {width} pixels .* 4 x 4"):
        VisionTransformer(CONFIG)(torch.zeros(1, 3, height, width))
