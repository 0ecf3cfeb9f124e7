"""The strongest weights of a query as bars."""

import numpy as np
import pytest

from headlens.viz.figures import strongest_bars
from headlens.viz.theme import DARK, LIGHT, Theme

NAMES = ["“trophy”", "[CLS]", "“the”", "“the”"]
WEIGHTS = np.array([0.5121, 0.0789, 0.0004, 0.0])


def test_a_bar_for_each_weight_from_the_top() -> None:
    figure = strongest_bars(NAMES, WEIGHTS)
    bars = figure.data[0]
    np.testing.assert_array_equal(bars.x, WEIGHTS)
    assert list(bars.y) == [0, 1, 2, 3]  # by place: equal names stay apart
    assert list(bars.customdata) == NAMES
    assert bars.orientation == "h"
    bottom, top = figure.layout.yaxis.range
    assert top < 0 < 3 < bottom
    assert list(figure.layout.xaxis.range) == [0, 0.5121]


def test_names_stand_left_and_weights_right_on_their_bar() -> None:
    notes = strongest_bars(NAMES, WEIGHTS).layout.annotations
    left = [(note.y, note.text) for note in notes if note.xanchor == "left"]
    right = [(note.y, note.text) for note in notes if note.xanchor == "right"]
    assert left == list(enumerate(NAMES))
    assert right == list(enumerate(["51 %", "7.9 %", "0.040 %", "0 %"]))
    assert {(note.x, note.xref) for note in notes} == {(0, "paper"), (1, "paper")}


def test_the_height_follows_the_number_of_bars() -> None:
    few, many = (strongest_bars(["x"] * count, np.ones(count) / count).layout.height for count in (3, 12))
    assert many == 4 * few


def test_weights_that_are_all_zero() -> None:
    low, high = strongest_bars(["a", "b"], np.zeros(2)).layout.xaxis.range
    assert low < high


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_colours_are_the_theme_s(theme: Theme) -> None:
    figure = strongest_bars(NAMES, WEIGHTS, theme)
    assert figure.data[0].marker.color == theme.bar
    assert {note.font.color for note in figure.layout.annotations} == {theme.text}
