"""The encoder against torch.nn.TransformerEncoder with the same weights."""

import pytest
import torch
from torch import Tensor, nn

from headlens.model.nn.encoder import Encoder, EncoderConfig, EncoderLayer
from tests.masks import as_additive, mask_of
from tests.model.nn.weights import randomize

TOKENS = 6


def config(pre_norm: bool, num_layers: int = 3, layer_scale: bool = False) -> EncoderConfig:
    return EncoderConfig(num_layers, 2, 8, 20, norm_eps=1e-6, pre_norm=pre_norm, layer_scale=layer_scale)


def hidden_states() -> Tensor:
    return 2 * torch.randn(2, TOKENS, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def torchs_layer(pre_norm: bool) -> nn.TransformerEncoderLayer:
    # It stays in training mode, without dropout: in evaluation torch would leave masked rows out.
    return nn.TransformerEncoderLayer(
        d_model=8,
        nhead=2,
        dim_feedforward=20,
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=1e-6,
        batch_first=True,
        norm_first=pre_norm,
        dtype=torch.float64,
    )


def torchs_state(layer: nn.Module) -> dict[str, Tensor]:
    assert isinstance(layer, EncoderLayer)
    attention = layer.attention
    state = {}
    for part in ("weight", "bias"):
        three = [getattr(linear, part) for linear in (attention.query, attention.key, attention.value)]
        state[f"self_attn.in_proj_{part}"] = torch.cat(three)
        state[f"self_attn.out_proj.{part}"] = getattr(attention.output, part)
        state[f"linear1.{part}"], state[f"linear2.{part}"] = (getattr(layer.mlp[n], part) for n in (0, 2))
        state[f"norm1.{part}"] = getattr(layer.attention_norm, part)
        state[f"norm2.{part}"] = getattr(layer.mlp_norm, part)
    return state


@pytest.mark.parametrize("kind", ["none", "causal", "padding", "per-head additive"])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_layer(pre_norm: bool, kind: str) -> None:
    ours = EncoderLayer(config(pre_norm)).double()
    randomize(ours)
    theirs = torchs_layer(pre_norm)
    theirs.load_state_dict(torchs_state(ours))
    mask, causal = mask_of(kind, 2, TOKENS, torch.float64)
    additive = as_additive(mask, causal, 2, TOKENS).repeat(2, 1, 1)  # [batch * head, query, key]
    output, inputs = ours(hidden_states(), mask, causal)
    torch.testing.assert_close(output, theirs(hidden_states(), src_mask=additive), atol=1e-12, rtol=0)
    assert inputs.query.shape == (2, 2, TOKENS, 4)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_stack(pre_norm: bool) -> None:
    ours = Encoder(config(pre_norm)).double()
    randomize(ours)
    last_norm = nn.LayerNorm(8, eps=1e-6, dtype=torch.float64) if pre_norm else None
    theirs = nn.TransformerEncoder(torchs_layer(pre_norm), 3, norm=last_norm, enable_nested_tensor=False)
    for our_layer, their_layer in zip(ours.layers, theirs.layers, strict=True):
        their_layer.load_state_dict(torchs_state(our_layer))
    if last_norm is not None:
        last_norm.load_state_dict(ours.norm.state_dict())
    output, layers, before_norm = ours(hidden_states())
    torch.testing.assert_close(output, theirs(hidden_states()), atol=1e-12, rtol=0)
    assert len(layers) == 3
    torch.testing.assert_close(ours.norm(before_norm), output, atol=0, rtol=0)


@pytest.mark.parametrize("pre_norm", [False, True])
def test_layer_scale_multiplies_what_each_part_adds(pre_norm: bool) -> None:
    """A factor after a linear map is the same as that map with scaled weights."""
    scaled, plain = (EncoderLayer(config(pre_norm, layer_scale=scale)).double() for scale in (True, False))
    randomize(scaled)
    state = scaled.state_dict()
    for linear, scale in (("attention.output", "attention_scale"), ("mlp.2", "mlp_scale")):
        factor = state.pop(f"{scale}.factor")
        state[f"{linear}.weight"] = state[f"{linear}.weight"] * factor[:, None]
        state[f"{linear}.bias"] = state[f"{linear}.bias"] * factor
    plain.load_state_dict(state)
    torch.testing.assert_close(scaled(hidden_states())[0], plain(hidden_states())[0], atol=1e-12, rtol=0)


def test_on_layer_is_told_each_layer_as_it_is_done() -> None:
    told: list[int] = []
    Encoder(config(True)).double()(hidden_states(), on_layer=told.append)
    assert told == [0, 1, 2]


def test_what_on_layer_raises_stops_the_run() -> None:
    encoder, ran = Encoder(config(True)).double(), []
    for index, layer in enumerate(encoder.layers):
        layer.register_forward_hook(lambda *_, index=index: ran.append(index))

    def stop_after_two(layer: int) -> None:
        if layer == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoder(hidden_states(), on_layer=stop_after_two)
    assert ran == [0, 1]
