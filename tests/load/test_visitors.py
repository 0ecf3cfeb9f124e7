"""A short load test, and that it would find a leak between visitors."""

import pytest

from tests.load.conftest import Watched
from tests.load.visitors import Heavy, Load, load

VISITORS, SIZES = 6, (224, 336)


@pytest.fixture(scope="module")
def outcome(watched: Watched) -> Load:
    """Of a few visitors with small photos."""
    return load(watched.url, VISITORS, SIZES)


def test_nobody_sees_what_is_anothers(outcome: Load) -> None:
    assert outcome.faults == []
    assert [len(heavy.seconds) for heavy in outcome.heavy] == [1] * VISITORS
    assert outcome.light


def test_what_is_anothers_would_be_found(outcome: Load) -> None:
    one, two = outcome.heavy[:2]
    assert Heavy(one.number, one.raw + two.raw).faults(outcome.heavy, outcome.samples) == [
        "1 was shown 4 texts and 6 photos, not 2 and 3",
        "1 was shown another's text or photo",
        "1 was told a word of 2",
        "1 was shown a saliency map of 2",
    ]
