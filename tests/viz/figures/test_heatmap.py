"""The matrix of one head: its numbers, its colour scale, the outlined row."""

import math
import re

import numpy as np
import pytest

from headlens.viz.figures import attention_heatmap
from headlens.viz.theme import DARK, LIGHT, Theme
from tests.viz.figures.colours import rgb_of
from tests.viz.figures.inputs import random_weights, special_at

TOKENS = ("[CLS]", "the", "cat", "saw", "the", "[SEP]")
SPECIAL = special_at(6, 0, 5)


@pytest.mark.parametrize("num_tokens", [1, 6, 41, 512])
def test_the_weights_are_drawn_as_they_are(num_tokens: int) -> None:
    weights = random_weights(num_tokens, num_tokens)
    tokens = [f"token{number % 7}" for number in range(num_tokens)]
    figure = attention_heatmap(weights, tokens, special_at(num_tokens))
    heatmap = figure.data[0]
    np.testing.assert_array_equal(heatmap.z, weights)
    assert heatmap.z.dtype == np.float32
    assert list(heatmap.x) == list(heatmap.y)
    assert len(set(heatmap.x)) == num_tokens
    assert "%{z:.6f}" in heatmap.hovertemplate
    assert (figure.layout.yaxis.autorange, figure.layout.xaxis.autorange) == ("reversed", None)  # query 0 on top
    assert figure.layout.yaxis.scaleanchor == "x"


def test_a_large_matrix_travels_as_bytes() -> None:
    weights = random_weights(512, 512)
    figure = attention_heatmap(weights, ["token"] * 512, special_at(512))
    assert (
        len(figure.to_json()) < 1.1 * weights.nbytes * 4 / 3 + 100_000
    )  # base64; lists of numbers take four times that


def with_heavy_special_keys(special: np.ndarray) -> np.ndarray:
    weights = random_weights(len(special), len(special))
    weights[:, special] += 1
    return weights / weights.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("special", [SPECIAL, special_at(6, 2), special_at(6)])
def test_ordinary_keys_set_the_colour_scale(special: np.ndarray) -> None:
    weights = with_heavy_special_keys(special)
    heatmap = attention_heatmap(weights, TOKENS, special).data[0]
    largest = max(float(weights[query, key]) for query in range(6) for key in range(6) if not special[key])
    assert (heatmap.zmin, heatmap.zmax) == (0, pytest.approx(largest, rel=1e-6))
    np.testing.assert_array_equal(heatmap.z, weights)  # the special ones stay true, above the scale
    assert not special.any() or heatmap.z.max() > heatmap.zmax


def test_where_every_key_is_special_they_set_the_scale() -> None:
    weights = random_weights(6, 6)
    assert attention_heatmap(weights, TOKENS, special_at(6, *range(6))).data[0].zmax == pytest.approx(weights.max())


@pytest.mark.parametrize("log", [False, True])
def test_weights_that_are_all_zero_have_a_scale_too(log: bool) -> None:
    heatmap = attention_heatmap(np.zeros((6, 6)), TOKENS, SPECIAL, log=log).data[0]
    assert heatmap.zmax > heatmap.zmin
    assert np.isfinite([heatmap.zmin, heatmap.zmax]).all()


@pytest.mark.parametrize("log", [False, True])
def test_a_query_that_looks_at_nothing_is_hatched(log: bool) -> None:
    weights = random_weights(6, 6)
    weights[[1, 2, 5]] = 0
    weights[3, :5] = 0
    figure = attention_heatmap(weights, TOKENS, SPECIAL, log=log)
    np.testing.assert_array_equal(np.isnan(figure.data[0].z).all(axis=1), [False, True, True, False, False, True])
    assert not np.isnan(figure.data[0].z[[0, 3, 4]]).any()
    assert [(image.y, image.sizey, image.x, image.sizex) for image in figure.layout.images] == [
        (0.5, 2, -0.5, 6),
        (4.5, 1, -0.5, 6),
    ]
    assert not attention_heatmap(random_weights(6, 6), TOKENS, SPECIAL, log=log).layout.images


def test_the_logarithm_spans_four_decades_and_the_hover_stays_exact() -> None:
    weights = with_heavy_special_keys(SPECIAL)
    weights[1, 2], weights[2, 3] = 1e-9, 0
    heatmap = attention_heatmap(weights, TOKENS, SPECIAL, log=True).data[0]
    top = math.log10(max(float(weights[query, key]) for query in range(6) for key in range(1, 5)))
    assert (heatmap.zmin, heatmap.zmax) == (pytest.approx(top - 4), pytest.approx(top))
    for query in range(6):
        for key in range(6):
            weight = float(weights[query, key])
            expected = max(math.log10(weight), top - 4) if weight > 0 else top - 4
            assert heatmap.z[query, key] == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(heatmap.customdata, weights)
    assert re.findall(r"%\{(\w+):", heatmap.hovertemplate) == ["customdata", "customdata"]
    for place, label in zip(heatmap.colorbar.tickvals, heatmap.colorbar.ticktext):
        assert heatmap.zmin <= place <= heatmap.zmax
        assert float(label.removesuffix(" %")) / 100 == pytest.approx(10.0 ** float(place))


@pytest.mark.parametrize("query", [0, 3, 5])
def test_the_query_is_outlined(query: int) -> None:
    figure = attention_heatmap(random_weights(6, 6), TOKENS, SPECIAL, query=query)
    (box,) = figure.layout.shapes
    assert (box.type, box.x0, box.x1) == ("rect", -0.5, 5.5)
    assert (box.y0, box.y1) == (query - 0.5, query + 0.5)


def test_of_what_is_looked_at_the_column_is_outlined() -> None:
    first, second = attention_heatmap(
        random_weights(6, 6), TOKENS, SPECIAL, query=(1, 2, 4), direction="by"
    ).layout.shapes
    assert (first.x0, first.x1, first.y0, first.y1) == (0.5, 2.5, -0.5, 5.5)
    assert (second.x0, second.x1) == (3.5, 4.5)


def test_without_a_query_nothing_is_outlined() -> None:
    assert not attention_heatmap(random_weights(6, 6), TOKENS, SPECIAL).layout.shapes


@pytest.mark.parametrize(
    ("shape", "num_tokens", "num_flags", "named"),
    [
        ((6, 6), 5, 6, ["5 tokens", "(6, 6)", "6 special"]),
        ((6, 6), 6, 7, ["6 tokens", "(6, 6)", "7 special"]),
        ((5, 6), 6, 6, ["6 tokens", "(5, 6)"]),
        ((6, 5), 6, 6, ["6 tokens", "(6, 5)"]),
        ((2, 6, 6), 6, 6, ["6 tokens", "(2, 6, 6)"]),
    ],
)
def test_sizes_that_differ_are_named(shape: tuple[int, ...], num_tokens: int, num_flags: int, named: list[str]) -> None:
    with pytest.raises(ValueError, match="do not fit") as caught:
        attention_heatmap(np.zeros(shape), ["x"] * num_tokens, special_at(num_flags))
    assert all(part in str(caught.value) for part in named)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_colours_are_the_theme_s(theme: Theme) -> None:
    figure = attention_heatmap(random_weights(6, 6), TOKENS, SPECIAL, query=1, theme=theme)
    assert [rgb_of(colour) for _, colour in figure.data[0].colorscale] == [rgb_of(each) for each in theme.weights]
    assert figure.layout.font.color == theme.text
    assert figure.layout.shapes[0].line.color == theme.accent


@pytest.mark.parametrize("log", [False, True])
def test_the_future_is_left_empty(log: bool) -> None:
    weights = np.tril(random_weights(6, 6))
    whole, causal = (attention_heatmap(weights, TOKENS, SPECIAL, log=log, causal=causal) for causal in (False, True))
    result = np.array(causal.data[0].z, float)
    for query, key in np.ndindex(6, 6):
        assert np.isnan(result[query, key]) == (key > query)
    np.testing.assert_array_equal(result[np.tri(6, dtype=bool)], np.array(whole.data[0].z)[np.tri(6, dtype=bool)])
    assert causal.data[0].zmax == whole.data[0].zmax
