"""The token strip as a browser would read it."""

import re

import numpy as np
import pytest

from tests.viz.colours import contrast, rgb_of
from tests.viz.decode import Element, elements_in
from tests.viz.hostile import HOSTILE
from viz.strip import token_strip
from viz.theme import DARK, LIGHT, Theme

TOKENS = ["[CLS]", "one", "two", "three", "[SEP]"]
SPECIAL = np.array([True, False, False, False, True])
WEIGHTS = np.array([0.5, 0.1, 0.2, 0.05, 0.15])


def spans_of(tokens: list[str], weights: np.ndarray, special: np.ndarray, query: int = 0) -> list[Element]:
    box, *spans = elements_in(token_strip(tokens, weights, special, query))
    assert (box.tag, box.attributes) == ("div", {"class": "strip", "dir": "auto"})
    assert {span.tag for span in spans} == {"span"}
    return spans


def style_of(span: Element) -> str:
    return span.attributes["style"] or ""


def tint_of(span: Element) -> float:
    found = re.match(r"background:rgba\(234,88,12,([\d.]+)\);", style_of(span))
    assert found
    return float(found[1])


def test_tokens_stand_in_order_with_their_weights() -> None:
    spans = spans_of(TOKENS, WEIGHTS, SPECIAL)
    assert [span.text for span in spans] == TOKENS
    assert [span.attributes["title"] for span in spans] == ["50.00 %", "10.00 %", "20.00 %", "5.00 %", "15.00 %"]


def test_the_tint_grows_with_the_weight() -> None:
    tints = [tint_of(span) for span in spans_of(TOKENS, WEIGHTS, SPECIAL)]
    assert tints == pytest.approx([0.8, 0.4, 0.8, 0.2, 0.6], abs=5e-4)  # [CLS] would need 2.0: it is clipped


def test_special_tokens_set_the_scale_where_there_are_no_others() -> None:
    tints = [tint_of(span) for span in spans_of(["[CLS]", "[SEP]"], np.array([0.25, 0.75]), np.array([True, True]))]
    assert tints == pytest.approx([0.8 / 3, 0.8], abs=5e-4)


def test_nothing_is_tinted_where_nothing_is_looked_at() -> None:
    assert {tint_of(span) for span in spans_of(TOKENS, np.zeros(5), SPECIAL)} == {0.0}


@pytest.mark.parametrize("query", range(5))
def test_the_query_alone_is_outlined(query: int) -> None:
    spans = spans_of(TOKENS, WEIGHTS, SPECIAL, query)
    assert [number for number, span in enumerate(spans) if "outline" in style_of(span)] == [query]


def test_hostile_tokens_stay_text() -> None:
    count = len(HOSTILE)
    spans = spans_of(list(HOSTILE), np.full(count, 1 / count), np.zeros(count, dtype=bool))
    assert [span.text for span in spans] == list(HOSTILE)
    assert all(span.attributes.keys() == {"title", "style"} for span in spans)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_full_tint_leaves_large_letters_readable(theme: Theme) -> None:
    tint = tint_of(spans_of(["x"], np.ones(1), np.zeros(1, dtype=bool))[0])
    under = tint * np.array([234, 88, 12]) + (1 - tint) * np.array(rgb_of(theme.background))
    assert contrast(under, rgb_of(theme.text)) >= 3  # WCAG for 24 pixels
