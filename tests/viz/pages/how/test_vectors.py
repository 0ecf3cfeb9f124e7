"""Steps 2 and 3: rows of the embedding, and runs of the model on another order and without positions."""

import re

import numpy as np
import pytest
import torch

from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import choose
from tests.viz.pages.how.opened import chart, open_how, said

TROPHY = "The trophy does not fit in the brown suitcase because it is too big."
COFFEE = "assets/samples/coffee.jpg"


@pytest.mark.parametrize("query", [0, 2, 11])
def test_the_rows_of_a_word(query: int, minilm: EncoderTextModel) -> None:
    app = open_how(step="2", query=str(query))
    content, position, row = numbers_in(chart(app, 0)["data"][0]["customdata"])
    given, network = minilm.read(TROPHY), minilm.network
    with torch.no_grad():
        word = network.tokens.weight[given.ids[query]] + network.segments.weight[0]
        np.testing.assert_allclose(content, word, atol=1e-6)
        np.testing.assert_allclose(position, network.state_dict()["positions.weight"][query], atol=1e-6)
        np.testing.assert_allclose(row, network.embed(torch.tensor([given.ids]))[0, query], atol=1e-5)
        table = network.tokens.weight
        alike = torch.cosine_similarity(table, table[given.ids[query]][None], dim=1).topk(9)
    bars = chart(app, 1)["data"][0]
    np.testing.assert_allclose(numbers_in(bars["x"]), alike.values, atol=1e-5)
    assert bars["y"][0] == f"row {given.ids[query]:,}"


def test_the_rows_of_a_patch(dinov2: EncoderImageModel) -> None:
    app = open_how(kind="image", step="2", query="30")
    content, position, row = numbers_in(chart(app, 0)["data"][0]["customdata"])
    with torch.no_grad():
        pixels = dinov2.read(COFFEE, 224).pixels
        patch = pixels[0, :, 14:28, 5 * 14 : 6 * 14]  # the second row's sixth: 30 is 1 + 1 * 24 + 5
        weights = dinov2.network.state_dict()
        by_hand = weights["patches.projection.weight"].flatten(1) @ patch.flatten() + weights["patches.projection.bias"]
        np.testing.assert_allclose(content, by_hand, atol=1e-4)
        np.testing.assert_allclose(row, dinov2.network.embed(pixels)[0, 30], atol=1e-5)
        np.testing.assert_allclose(position, row - content, atol=1e-5)


def test_cls_is_no_patch() -> None:
    app = open_how(kind="image", step="2", query="0")
    assert any("is no patch" in part.value for part in app.markdown)


def apart(app) -> float:
    (found,) = re.findall(r"largest difference (\S+),", said(app, "each token's row"))
    return float(found)


@pytest.mark.parametrize("kind", ["text", "image"])
def test_rows_follow_their_tokens_where_no_position_is_told(kind: str) -> None:
    app = open_how(step="3", kind=kind)
    for order in ("reversed", "shuffled"):
        choose(app, how_positions="without", how_order=order)
        assert apart(app) < 1e-4
        assert "is the same in both orders" in said(app, "each token's row")
        left, right = (numbers_in(chart(app, figure)["data"][0]["z"]) for figure in (0, 1))
        np.testing.assert_allclose(left, right, atol=1e-5)
        choose(app, how_positions="with")
        assert apart(app) > 0.1
        assert "differs: the order matters" in said(app, "each token's row")
    choose(app, how_order="read")
    assert said(app, "Nothing was moved")


def test_what_the_model_reads_is_shown(trophy: Recording) -> None:
    order = np.arange(17)
    order[1:-1] = np.random.default_rng(0).permutation(np.arange(1, 16))
    sentence = said(open_how(step="3"), "The model reads")
    assert sentence == "The model reads: " + " ".join(trophy.tokens[token] for token in order)
    (picture,) = open_how(step="3", kind="image").get("image")
    assert "What the model reads" in str(picture.proto)


def test_with_positions_and_in_order_the_run_is_the_recording(trophy: Recording) -> None:
    app = open_how(step="3", positions="with", order="read")
    for figure in (0, 1):
        np.testing.assert_allclose(numbers_in(chart(app, figure)["data"][0]["z"]), trophy.attention(3, 1), atol=1e-5)
    for bars in chart(app, 2)["data"]:
        np.testing.assert_allclose(numbers_in(bars["x"]), trophy.attention(3, 1, 11), atol=1e-5)


def test_a_photo_is_shown_as_trained_and_in_this_run(coffee: Recording) -> None:
    app = open_how(kind="image", step="3", layer="0", head="1", query="200", order="read")
    trained, run = (numbers_in(chart(app, figure)["data"][0]["z"]) for figure in (0, 1))
    np.testing.assert_allclose(trained, coffee.attention(0, 1, 200)[1:].reshape(16, 24), atol=1e-6)
    assert abs(run - trained).max() > 1e-3


def test_without_positions_the_model_really_runs_without(minilm: EncoderTextModel) -> None:
    app = open_how(step="3", layer="1", head="4", order="read")
    network = minilm.network
    with torch.no_grad():
        ids = torch.tensor([minilm.read(TROPHY).ids])
        bare = network.norm(network.tokens(ids) + network.segments.weight[0])
        layers = network.encoder(bare).layers
        scores = layers[1].query[0, 4] @ layers[1].key[0, 4].T / 32**0.5
    np.testing.assert_allclose(numbers_in(chart(app, 1)["data"][0]["z"]), scores.softmax(-1), atol=1e-5)


def test_the_encodings_are_the_formula_s_and_the_model_s(minilm: EncoderTextModel) -> None:
    app = open_how(step="3")
    learned = minilm.network.state_dict()["positions.weight"][:17]
    alike = torch.cosine_similarity(learned[:, None], learned[None], dim=-1)
    np.testing.assert_allclose(numbers_in(chart(app, 3)["data"][0]["z"]), alike, atol=1e-5)
    waves = numbers_in(chart(app, 4)["data"][0]["z"])
    assert waves.shape == (64, 128)
    assert waves[10, 6] == pytest.approx(np.sin(10 / 10_000 ** (6 / 384)), abs=1e-5)
    assert waves[10, 7] == pytest.approx(np.cos(10 / 10_000 ** (6 / 384)), abs=1e-5)
