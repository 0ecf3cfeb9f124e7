"""Sentences about a head, on real recordings, with every number computed anew."""

import dataclasses
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.recording import Recording
from tests.recordings import random_recording
from viz import wording

IT = 11


def test_the_sample_reads_as_it_should(trophy: Recording) -> None:
    weights = trophy.attention(3, 1, IT)
    assert wording.headline(trophy, 3, 1, IT) == "Layer 3, head 1: what “it” looks at"
    assert wording.targets(trophy, weights) == "trophy 51 %, suitcase 33 %"


@pytest.mark.parametrize(
    ("weight", "written"),
    [
        (0.0, "0.0 %"),
        (0.0004, "0.0 %"),
        (0.0006, "0.1 %"),
        (0.087, "8.7 %"),
        (0.0994, "9.9 %"),
        (0.09949, "9.9 %"),
        (0.0995, "10 %"),
        (0.1, "10 %"),
        (0.5121, "51 %"),
        (0.996, "100 %"),
        (1.0, "100 %"),
    ],
)
def test_percent(weight: float, written: str) -> None:
    assert wording.percent(weight) == written


@given(st.floats(0, 1))
def test_percent_has_a_decimal_below_ten_alone(weight: float) -> None:
    written = wording.percent(weight)
    assert re.fullmatch(r"\d\.\d %|[1-9]\d %|100 %", written)
    assert float(written[:-2]) == pytest.approx(100 * weight, abs=0.05001 if "." in written else 0.50001)


def test_names_of_positions(trophy: Recording, coffee: Recording) -> None:
    assert [wording.name_of(trophy, token) for token in (0, 2, 16)] == ["[CLS]", "“trophy”", "[SEP]"]
    assert [wording.name_of(coffee, token) for token in (0, 1, 24, 25)] == [
        "[CLS]",
        "patch (0, 0)",
        "patch (0, 23)",
        "patch (1, 0)",
    ]


def made(special: tuple[str, ...]) -> Recording:
    """Seven positions, of which the first are special under the names given."""
    tokens = (*special, "a", "b", "c", "d", "e", "f", "g")[:7]
    return dataclasses.replace(random_recording(), tokens=tokens, special=np.arange(7) < len(special))


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([0.1, 0.5, 0.2, 0.15, 0.05, 0, 0], "a 50 %, b 20 %, c 15 %"),
        ([0.1, 0.05, 0.5, 0.09, 0.11, 0.12, 0.03], "b 50 %, e 12 %, d 11 %"),
        ([0.2, 0.5, 0.1, 0.09, 0.05, 0.03, 0.03], "a 50 %, b 10 %"),
        ([0.2, 0.5, 0.0999, 0.09, 0.05, 0.03, 0.03], "a 50 %"),
        ([0.94, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01], "a 1.0 %, b 1.0 %, c 1.0 %"),
    ],
)
def test_three_targets_at_most_and_none_below_a_fifth_of_the_best(weights: list[float], said: str) -> None:
    assert wording.targets(made(("[CLS]",)), np.array(weights)) == said


def test_no_targets_where_every_token_is_special() -> None:
    assert wording.targets(made(("x",) * 7), np.full(7, 1 / 7)) == ""


def test_special_tokens_of_one_name_are_added_up_and_ordered(pair: Recording) -> None:
    ends = [token for token, name in enumerate(pair.tokens) if name == "[SEP]"]
    assert len(ends) == 2
    for layer, head, query in [(2, 9, 16), (0, 0, 3), (5, 11, 1)]:
        weights = pair.attention(layer, head, query)
        shares = {"[SEP]": sum(float(weights[token]) for token in ends), "[CLS]": float(weights[0])}
        order = sorted(shares, key=lambda name: shares[name], reverse=True)
        expected = ", ".join(f"{wording.percent(shares[name])} to {name}" for name in order)
        assert wording.special_share(pair, weights) == expected


def test_the_larger_share_comes_first() -> None:
    recording = made(("[A]", "[B]", "[A]"))
    assert wording.special_share(recording, np.array([0.1, 0.3, 0.1, 0.5, 0, 0, 0])) == "30 % to [B], 20 % to [A]"
    assert wording.special_share(recording, np.array([0.2, 0.3, 0.2, 0.3, 0, 0, 0])) == "40 % to [A], 30 % to [B]"
    assert wording.special_share(made(()), np.full(7, 1 / 7)) == ""


@pytest.mark.parametrize(("share", "said"), [(0.0, False), (0.499, False), (0.5, True), (0.9, True)])
def test_why_special_from_a_half_on(share: float, said: bool) -> None:
    recording = made(("[CLS]", "[SEP]"))
    weights = np.array([share / 4, share * 3 / 4, 1 - share, 0, 0, 0, 0])
    assert wording.why_special(recording, weights) == (wording.WHY_SPECIAL if said else "")


def spread_by_hand(weights: np.ndarray) -> float:
    return math.exp(-math.fsum(p * math.log(p) for p in weights.astype(float).tolist() if p > 0))


def count(number: float) -> str:
    return f"{number:.1f}" if number < 100 else f"{number:.0f}"


@pytest.mark.parametrize(("layer", "head", "query"), [(3, 1, 11), (0, 4, 0), (5, 7, 16)])
def test_a_head_of_a_text_in_words(trophy: Recording, layer: int, head: int, query: int) -> None:
    weights = trophy.attention(layer, head)
    rows = [spread_by_hand(row) for row in weights]
    away = [
        sum(float(weight) * abs(place - key) for key, weight in enumerate(row)) for place, row in enumerate(weights)
    ]
    assert wording.head_in_words(trophy, layer, head, query) == (
        f"From {wording.name_of(trophy, query)} the head spreads over {count(rows[query])} of 17 tokens; "
        f"over the whole input it spreads over {count(sum(rows) / 17)} and looks {sum(away) / 17:.1f} tokens away "
        "on average."
    )


@pytest.mark.parametrize(("layer", "head", "query"), [(0, 2, 100), (11, 4, 0)])
def test_a_head_of_a_photo_in_words(coffee: Recording, layer: int, head: int, query: int) -> None:
    weights = coffee.attention(layer, head).astype(float)
    rows = [spread_by_hand(row) for row in weights]
    places = [(row, column) for row in range(16) for column in range(24)]
    away = []
    for place, patch in zip(places, weights[1:, 1:].tolist()):
        far = sum(weight * math.dist(place, other) for weight, other in zip(patch, places))
        away.append(far / sum(patch))
    assert wording.head_in_words(coffee, layer, head, query) == (
        f"From {wording.name_of(coffee, query)} the head spreads over {count(rows[query])} of 385 tokens; "
        f"over the whole input it spreads over {count(sum(rows) / 385)} and looks {sum(away) / 384:.1f} patches away "
        "on average (of 16 × 24)."
    )


def test_thousands_have_a_comma_and_no_decimal() -> None:
    recording = random_recording(num_layers=1, num_heads=1, num_tokens=1500)
    still = dataclasses.replace(recording.layers[0], scale=0.0)  # looks at all alike
    words = wording.head_in_words(dataclasses.replace(recording, layers=(still,)), 0, 0, 7)
    assert words.startswith("From “token7” the head spreads over 1,500 of 1,500 tokens; ")
    assert " it spreads over 1,500 and looks 500.0 tokens away" in words  # a third of them


def test_a_photo_s_targets_are_patches(coffee: Recording) -> None:
    query = 1 + 13 * 24 + 17
    assert wording.headline(coffee, 11, 4, query) == "Layer 11, head 4: what patch (13, 17) looks at"
    assert wording.headline(coffee, 2, 5, 0) == "Layer 2, head 5: what [CLS] looks at"
    weights = coffee.attention(11, 4, query)
    best = max(range(1, 385), key=lambda key: weights[key])
    first, *others = wording.targets(coffee, weights).split(", patch ")
    assert first == f"patch ({(best - 1) // 24}, {(best - 1) % 24}) {wording.percent(float(weights[best]))}"
    assert all(re.fullmatch(r"\(\d+, \d+\) [\d.]+ %", other) for other in others)
    assert wording.special_share(coffee, weights) == f"{wording.percent(float(weights[0]))} to [CLS]"
