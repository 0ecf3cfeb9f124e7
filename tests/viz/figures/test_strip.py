"""The token strip as a figure: which tokens, in which tint, and where."""

import math

import numpy as np
import pytest

from headlens.viz.figures import strip_figure
from headlens.viz.theme import DARK, LIGHT, Theme
from tests.viz.figures.colours import contrast, rgb_of
from tests.viz.figures.decode import is_escaped
from tests.viz.hostile import HOSTILE

TOKENS = ["[CLS]", "one", "two", "three", "[SEP]"]
SPECIAL = np.array([True, False, False, False, True])
WEIGHTS = np.array([0.5, 0.1, 0.2, 0.05, 0.15])


def notes_of(tokens: list[str], weights: np.ndarray, special: np.ndarray, query: int = 0, theme: Theme = LIGHT) -> list:
    figure, _ = strip_figure(tokens, weights, special, query=query, theme=theme)
    return list(figure.layout.annotations)


def tints_of(tokens: list[str], weights: np.ndarray, special: np.ndarray) -> list[float]:
    result = []
    for note in notes_of(tokens, weights, special):
        head, _, opacity = note.bgcolor.removesuffix(")").rpartition(",")
        assert head == "rgba(234,88,12"
        result.append(float(opacity))
    return result


def test_tokens_stand_in_order_without_touching() -> None:
    notes = notes_of(TOKENS, WEIGHTS, SPECIAL)
    assert [note.text for note in notes] == TOKENS
    assert {note.y for note in notes} == {0}
    for token, note, following in zip(TOKENS, notes, notes[1:]):
        assert following.x - note.x > 12 * len(token)


def test_long_inputs_break_into_lines_that_the_picture_holds() -> None:
    tokens = ["a" * 9] * 50
    figure, aspect = strip_figure(tokens, np.full(50, 0.02), np.zeros(50, dtype=bool), query=3)
    places = [(-note.y, note.x) for note in figure.layout.annotations]
    assert places == sorted(places)
    assert len(set(places)) == 50
    lines = sorted({y for y, _ in places})
    assert len(lines) == math.ceil(50 / 6)  # six tokens of nine letters and a gap fill sixty
    left, right = figure.layout.xaxis.range
    bottom, top = figure.layout.yaxis.range
    assert all(left <= x <= right - 9 * 12 and bottom <= -y - 24 <= top for y, x in places)
    assert aspect == pytest.approx((right - left) / -bottom, rel=1e-6)


def test_the_tint_grows_with_the_weight() -> None:
    assert tints_of(TOKENS, WEIGHTS, SPECIAL) == pytest.approx([0.8, 0.4, 0.8, 0.2, 0.6], abs=5e-4)  # [CLS] is clipped


def test_special_tokens_set_the_scale_where_there_are_no_others() -> None:
    tints = tints_of(["[CLS]", "[SEP]"], np.array([0.25, 0.75]), np.array([True, True]))
    assert tints == pytest.approx([0.8 / 3, 0.8], abs=5e-4)


def test_nothing_is_tinted_where_nothing_is_looked_at() -> None:
    assert set(tints_of(TOKENS, np.zeros(5), SPECIAL)) == {0.0}


@pytest.mark.parametrize("query", range(5))
def test_the_query_alone_is_framed(query: int) -> None:
    frames = [note.bordercolor for note in notes_of(TOKENS, WEIGHTS, SPECIAL, query)]
    assert [number for number, colour in enumerate(frames) if colour != "rgba(0,0,0,0)"] == [query]


def test_hostile_tokens_stay_text() -> None:
    count = len(HOSTILE)
    notes = notes_of(list(HOSTILE), np.full(count, 1 / count), np.zeros(count, dtype=bool))
    assert all(is_escaped(note.text) for note in notes)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_full_tint_leaves_large_letters_readable(theme: Theme) -> None:
    (note,) = notes_of(["x"], np.ones(1), np.zeros(1, dtype=bool), theme=theme)
    assert note.font.color == theme.text
    assert note.font.size == 24
    under = 0.8 * np.array([234, 88, 12]) + 0.2 * np.array(rgb_of(theme.background))
    assert contrast(under, rgb_of(note.font.color)) >= 3  # WCAG for 24 pixels
