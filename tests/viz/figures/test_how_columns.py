"""Rows of bars, a column for each quantity."""

import numpy as np
import pytest

from headlens.viz.figures.columns import bar_columns, short_number
from headlens.viz.figures.labels import categories
from headlens.viz.theme import DARK, LIGHT, Theme
from tests.viz.hostile import HOSTILE

TOKENS = ("[CLS]", "it", "it")
COLUMNS = {"score": np.array([-2.0, 1.0, 4.0]), "weight": np.array([0.002, 0.047, 0.951])}


def test_a_column_a_quantity_and_a_row_a_name() -> None:
    figure = bar_columns(categories(TOKENS), TOKENS, COLUMNS)
    assert len(figure.data) == 2
    for bars, values in zip(figure.data, COLUMNS.values()):
        np.testing.assert_array_equal(bars.x, values)
        assert list(bars.y) == ["0 · [CLS]", "1 · it", "2 · it"]  # equal tokens stay apart
    assert [note.text for note in figure.layout.annotations] == ["score", "weight"]
    assert list(figure.data[1].text) == ["0.0020", "0.047", "0.951"]


def test_every_scale_holds_zero_and_its_own_numbers() -> None:
    figure = bar_columns(categories(TOKENS), TOKENS, COLUMNS)
    assert figure.layout.xaxis.range[0] < -2
    assert figure.layout.xaxis.range[1] > 4
    assert figure.layout.xaxis2.range[0] == 0
    assert 0.951 < figure.layout.xaxis2.range[1] < 2
    low, high = bar_columns(["a"], ["a"], {"x": np.zeros(1)}).layout.xaxis.range
    assert low < high


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_query_s_own_row_has_the_other_colour(theme: Theme) -> None:
    bars = bar_columns(categories(TOKENS), TOKENS, COLUMNS, marked=1, theme=theme).data[0]
    assert list(bars.marker.color) == [theme.bar, theme.second_bar, theme.bar]


def test_it_grows_with_its_rows() -> None:
    few, many = (bar_columns(list("abcdef")[:n], list("abcdef")[:n], {"x": np.ones(n)}).layout.height for n in (3, 6))
    assert many - few == 66


@pytest.mark.parametrize("token", HOSTILE)
def test_what_strangers_type_stays_text(token: str) -> None:
    figure = bar_columns(categories((token,)), (token,), {"x": np.ones(1)})
    for text in (*figure.data[0].y, *figure.layout.yaxis.labelalias.values()):
        assert not set(text) & {"<", "\x00", "\u202e"}


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (12.345, "12.3"), (-12.345, "-12.3"), (0.5121, "0.512"), (0.00004, "4.0e-05")]
)
def test_numbers_are_short_number(number: float, text: str) -> None:
    assert short_number(number) == text
