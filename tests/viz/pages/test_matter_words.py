"""What a change does, in words."""

import pytest

from headlens.model.effects.heads import Change
from headlens.model.effects.targets import LogitTarget, SaliencyTarget
from headlens.viz.pages.matter.words import number, score, sentence

PARIS = LogitTarget(7042, 260, 4, what="the token after “is”", name="Paris", against_name="the")


def change(before: float, after: float, *scores: float | None) -> Change:
    one, other = scores or (None, None)
    return Change(before, after, one, other, [], [])


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (
            change(2, -1, 0.71, 0.12),
            "the probability of “Paris” falls from 71\u00a0% to 12\u00a0%",
        ),
        (
            change(2, 3, 0.12, 0.71),
            "the probability of “Paris” rises from 12\u00a0% to 71\u00a0%",
        ),
        (change(2, 2, 0.5, 0.5), "the probability of “Paris” stays at 50\u00a0%"),
        (change(2, 1.5, 3.2, -1.25), "the score of “Paris” falls from 3.20 to −1.25"),
        (change(2, 1.5, 0.17041, 0.17123), "the probability of “Paris” rises from 0.17041 to 0.17123"),
        (change(2, 1.5), "the logit of “Paris” falls from 2.00 to 1.50"),
    ],
)
def test_one_head(of: Change, expected: str) -> None:
    assert sentence([(7, 2)], PARIS, of) == f"Without layer 7, head 2, {expected}."


def test_other_targets_and_several_heads() -> None:
    region = SaliencyTarget((1, 2), (3, 4))
    words = sentence([(0, 1), (2, 3)], region, change(0.95, 0.9512))
    assert words == "Without 2 heads, the saliency of patch (1, 3) rises from 0.950 to 0.951."


def test_a_token_that_would_move_its_neighbours_is_shown() -> None:
    target = LogitTarget(1, None, 0, name="\u202eevil")
    assert "⟨202E⟩evil" in sentence([(0, 0)], target, change(0, 1, 0.1, 0.2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (1e-9, "0"),
        (0.0021374, "0.00214"),
        (12.345, "12.3"),
        (123.4, "123"),
        (-1.5, "−1.50"),
        (1e6, "1000000"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, expected: str) -> None:
    assert number(value) == expected


def test_scores_are_shares_or_values() -> None:
    assert (score(0.5), score(1.5), score(-2)) == ("50\u00a0%", "1.50", "−2.00")
