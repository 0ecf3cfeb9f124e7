"""Steps 4 and 7 to 9: projections, heads, the layer and the stack, against the recording and the model's own run."""

import re

import numpy as np
import pytest
import torch

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.how.opened import chart, open_how, said

TROPHY = "The trophy does not fit in the brown suitcase because it is too big."


@pytest.fixture(scope="module")
def stream(minilm: EncoderTextModel) -> np.ndarray:
    """[layer + 1, token, width]: the hidden states of the model's own layers, each run on what the one before gave."""
    with torch.no_grad():
        hidden = [minilm.network.embed(torch.tensor([minilm.read(TROPHY).ids]))]
        for layer in minilm.network.encoder.layers:
            hidden.append(layer(hidden[-1])[0])
    return torch.cat(hidden).numpy()


def test_query_key_and_value_of_a_token(trophy: Recording, stream: np.ndarray) -> None:
    app = open_how(step="4", layer="2", head="9", query="5")
    np.testing.assert_allclose(numbers_in(chart(app, 0)["data"][0]["customdata"])[0], stream[2, 5], atol=1e-5)
    own = [part(2, 9)[5] for part in (trophy.query, trophy.key, trophy.value)]
    np.testing.assert_allclose(numbers_in(chart(app, 1)["data"][0]["customdata"]), own, atol=1e-6)
    (apart,) = re.findall(r"by at most (\S+)\.$", said(app, "Norms"))
    assert float(apart) < 1e-5


def test_every_head_of_the_layer(trophy: Recording, minilm: EncoderTextModel) -> None:
    app = open_how(step="7", layer="4", query="3")
    weights = trophy.attention(4, query=3)
    np.testing.assert_allclose(numbers_in(chart(app, 0)["data"][0]["z"]), weights, atol=1e-5)
    context = np.einsum("hk,hkd->hd", weights, trophy.value(4))
    output = minilm.network.state_dict()["encoder.layers.4.attention.output.weight"].numpy()
    writes = [np.linalg.norm(output[:, 32 * head : 32 * head + 32] @ context[head]) for head in range(12)]
    bars = [numbers_in(bar["x"]) for bar in chart(app, 1)["data"]]
    np.testing.assert_allclose(bars, [np.linalg.norm(context, axis=1), writes], atol=1e-4)


def test_a_photo_once_for_each_head() -> None:
    app = open_how(kind="image", step="7")
    assert any(caption.value.startswith("Heads 0 to 5") for caption in app.caption)
    assert len(numbers_in(chart(app, 1)["data"][1]["x"])) == 6


def test_the_row_through_the_layer(stream: np.ndarray) -> None:
    app = open_how(step="8", layer="4", query="7")
    norms = numbers_in(chart(app, 0)["data"][0]["x"])
    np.testing.assert_allclose(norms[[0, 4]], np.linalg.norm(stream[[4, 5], 7], axis=-1), atol=1e-4)
    rows = next(line for line in chart(app, 1)["data"] if line["name"] == "the row")
    np.testing.assert_allclose(numbers_in(rows["y"]), np.linalg.norm(stream[:-1], axis=-1).mean(-1), atol=1e-4)
    (apart,) = re.findall(r"difference is (\S+)\.$", said(app, "Run again by itself"))
    assert float(apart) < 1e-5


def test_in_a_vision_transformer_what_is_added_is_all_that_changes(dinov2: EncoderImageModel) -> None:
    app = open_how(kind="image", step="8", layer="5", query="40")
    assert any("normalises what each part reads" in part.value for part in app.markdown)
    norms = numbers_in(chart(app, 0)["data"][0]["x"])
    with torch.no_grad():
        hidden = dinov2.network.embed(dinov2.read("assets/samples/coffee.jpg", 224).pixels)
        for number, layer in enumerate(dinov2.network.encoder.layers[:6]):
            before, hidden = hidden, layer(hidden)[0]
            if number == 5:
                attended, _ = layer.attention(layer.attention_norm(before))  # type: ignore[operator]
    added = attended[0, 40] * dinov2.network.state_dict()["encoder.layers.5.attention_scale.factor"]
    between = before[0, 40] + added
    expected = [part.norm() for part in (before[0, 40], added, between, hidden[0, 40] - between, hidden[0, 40])]
    np.testing.assert_allclose(norms, [float(norm.detach()) for norm in expected], atol=1e-3)


def test_how_a_token_moves_through_the_stack(stream: np.ndarray) -> None:
    app = open_how(step="9", query="5")
    unit = stream / np.linalg.norm(stream, axis=-1, keepdims=True)
    cosines = np.einsum("lw,ltw->lt", unit[:, 5], unit)
    began, near, every = (numbers_in(line["y"]) for line in chart(app, 0)["data"])
    np.testing.assert_allclose(began, unit[:, 5] @ unit[0, 5], atol=1e-5)
    np.testing.assert_allclose(near, cosines[:, [4, 6]].mean(1), atol=1e-5)
    np.testing.assert_allclose(every, cosines.mean(1), atol=1e-5)


def test_how_far_heads_look(trophy: Recording) -> None:
    points = chart(open_how(step="9"), 1)["data"][0]
    positions = np.arange(17)
    away = abs(positions[:, None] - positions)
    expected = [(trophy.attention(layer) * away).sum(-1).mean(-1) for layer in range(6)]
    np.testing.assert_allclose(numbers_in(points["y"]), np.ravel(expected), atol=1e-4)
