"""Steps 1, 5 and 6 show the recording's numbers, computed here from its queries, keys and values alone."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import choose
from tests.viz.pages.how.opened import chart, open_how, said


def column(app: AppTest, number: int, figure: int = 0) -> np.ndarray:
    """The bars of one column."""
    return numbers_in(chart(app, figure)["data"][number]["x"])


def softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores.astype(float) - scores.max())
    return raised / raised.sum()


@pytest.mark.parametrize("temperature", ["0.1", "0.25", "1.0", "10.0"])
def test_the_temperature_divides_the_scores(temperature: str, trophy: Recording) -> None:
    app = open_how(temperature=temperature)
    scores = trophy.query(3, 1)[11] @ trophy.key(3, 1).T / np.sqrt(32)
    np.testing.assert_allclose(column(app, 0), scores, atol=1e-4)
    np.testing.assert_allclose(column(app, 1), softmax(scores / float(temperature)), atol=1e-5)


def test_at_zero_one_key_wins(trophy: Recording) -> None:
    app = open_how(temperature="0.0")
    assert column(app, 1).tolist() == [1.0 if token == "trophy" else 0.0 for token in trophy.tokens]
    assert said(app, "fits best") == (
        "From “it”: “trophy” fits best and gets 100 %. The look-up spreads over 1.0 of 17 keys (e to the entropy of "
        "the weights)."
    )


def test_the_slider_moves_it_and_the_address_keeps_it(trophy: Recording) -> None:
    app = open_how()
    app.select_slider(key="how_temperature").set_value(4.0).run()
    np.testing.assert_allclose(column(app, 1), softmax(trophy.scores(3, 1, 11) / 4), atol=1e-5)
    assert app.query_params["temperature"] in ("4.0", ["4.0"])


def test_a_long_text_shows_what_matters_and_says_so(minilm: EncoderTextModel) -> None:
    text = "one two three " * 180
    app = open_how(text=text, layer="2", head="3", query="300")
    recording = minilm.record(text)
    assert recording.num_tokens == 512
    weights = recording.attention(2, 3, 300)
    shown = sorted({*np.argsort(-weights, kind="stable")[:24].tolist(), 300})
    np.testing.assert_allclose(column(app, 1), weights[shown], atol=1e-5)
    assert [name.split(" ")[0] for name in chart(app, 0)["data"][0]["y"]] == [str(key) for key in shown]
    assert any(f" {len(shown)} of 512 keys are shown" in caption.value for caption in app.caption)


def test_a_photo_shows_the_weights_over_it_too(coffee: Recording) -> None:
    app = open_how(kind="image", query="200", layer="4", head="2", temperature="2.0")
    weights = softmax(coffee.scores(4, 2, 200) / 2)
    heat = numbers_in(chart(app, 1)["data"][0]["z"])
    np.testing.assert_allclose(heat, weights[1:].reshape(16, 24), atol=1e-5)


def test_without_the_scale_softmax_saturates(trophy: Recording) -> None:
    app = open_how(step="5")
    scores = trophy.scores(3, 1, 11)
    for name, factor in (("scaled", 1.0), ("unscaled", np.sqrt(32))):
        choose(app, how_scaling=name)
        weights = softmax(scores * factor)
        np.testing.assert_allclose(column(app, 0), scores * factor, atol=1e-4)
        np.testing.assert_allclose(column(app, 1), weights, atol=1e-5)
        np.testing.assert_allclose(column(app, 2), weights * (1 - weights), atol=1e-5)
        sentence = said(app, "sum to")
        assert sentence.startswith("All 17 weights sum to 1.000000.")
        (slopes,) = re.findall(r"slopes sum to ([\d.]+);", sentence)
        assert float(slopes) == pytest.approx((weights * (1 - weights)).sum(), abs=1e-4)


@pytest.mark.parametrize(("layer", "head", "query"), [(3, 1, 11), (5, 0, 2)])
def test_the_weighted_sum(layer: int, head: int, query: int, trophy: Recording) -> None:
    app = open_how(step="6", layer=str(layer), head=str(head), query=str(query))
    weights, value = trophy.attention(layer, head, query), trophy.value(layer, head)
    np.testing.assert_allclose(column(app, 0), weights, atol=1e-5)
    np.testing.assert_allclose(column(app, 1), np.linalg.norm(value, axis=1), atol=1e-4)
    np.testing.assert_allclose(column(app, 2), weights * np.linalg.norm(value, axis=1), atol=1e-4)
    context = numbers_in(chart(app, 1)["data"][0]["customdata"])[-1]
    np.testing.assert_allclose(context, weights @ value, atol=1e-5)
    (apart,) = re.findall(r"gave to its output projection: (\S+)\.$", said(app, "Largest difference"))
    assert float(apart) < 1e-5
