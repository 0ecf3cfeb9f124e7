"""The load test in short, and that it would find what it looks for."""

import pytest

from tests.load.conftest import Watched
from tests.load.visitors import Heavy, Load, load

VISITORS, SIZES = 6, (224, 336)


@pytest.fixture(scope="module")
def found(watched: Watched) -> Load:
    """How it went with a few visitors and small photos."""
    return load(watched.url, VISITORS, SIZES)


def test_nobody_sees_what_is_anothers(found: Load) -> None:
    assert found.faults == []
    assert [len(heavy.seconds) for heavy in found.heavy] == [1] * VISITORS
    assert found.light


def test_what_is_anothers_would_be_found(found: Load) -> None:
    one, two = found.heavy[:2]
    assert Heavy(one.number, one.raw + two.raw).faults(found.heavy, found.samples) == [
        "1 was shown 4 texts and 6 photos, not 2 and 3",
        "1 was shown another's text or photo",
        "1 was told a word of 2",
        "1 was shown a saliency map of 2",
    ]
