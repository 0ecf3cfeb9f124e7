"""Deletion, insertion and random orders, against numpy and against runs one by one."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headlens.model.analysis.curves import area_under, counts_of, order_of, removed_at, spread
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.curves import cost, deletion_curve, input_at, random_band
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.occlusion import occlusion, value_before, values_without
from headlens.model.effects.removal import removable
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.load import load_model
from headlens.model.pretrained.text_model import EncoderTextModel

SENTENCE = "The old fisherman sold a fresh cod to the hungry cook."
OTHER = "A man bought fish."


@pytest.fixture(scope="module")
def similar(minilm: EncoderTextModel) -> tuple[Experiment, Target]:
    experiment = Experiment(minilm, minilm.read(SENTENCE))
    return experiment, target(experiment, Choice("similarity"), other=OTHER)


def scores_of(experiment: Experiment, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(experiment.input.ids))


def test_areas_are_numpys() -> None:
    generator = np.random.default_rng(0)
    shares = np.append(0, np.sort(generator.random(7)))
    shares /= shares[-1]
    values = generator.normal(size=(3, 8))
    np.testing.assert_allclose(area_under(values, shares), np.trapezoid(values, shares, axis=-1))
    assert area_under(np.ones(8), shares) == pytest.approx(1)


def test_of_equal_scores_the_earlier_goes_first() -> None:
    removable_ones = np.array([False, True, True, True, False, True])
    assert order_of(np.array([9, 1, 2, 1, 9, 2]), removable_ones).tolist() == [2, 5, 1, 3]
    assert order_of(np.zeros(6), removable_ones).tolist() == [1, 2, 3, 5]
    with pytest.raises(ValueError, match="not finite"):
        order_of(np.full(6, np.nan), removable_ones)
    with pytest.raises(ValueError, match="6 tokens"):
        order_of(np.zeros(5), removable_ones)


@pytest.mark.parametrize("num_tokens", [1, 3, 19, 20, 21, 256])
def test_steps_round_up(num_tokens: int) -> None:
    counts = counts_of(num_tokens, 20)
    steps = min(20, num_tokens)
    assert counts.tolist() == [math.ceil(step * num_tokens / steps - 1e-9) for step in range(steps + 1)]
    assert (np.diff(counts) > 0).all()


def test_what_an_order_removes() -> None:
    assert removed_at(np.array([3, 1]), [0, 1, 2], 4).astype(int).tolist() == [
        [0, 0, 0, 0],
        [0, 0, 0, 1],
        [0, 1, 0, 1],
    ]


def test_quantiles_hold_what_they_say() -> None:
    """Of 20 numbers, one more is below the smallest one time in 21."""
    numbers = np.random.default_rng(0).normal(size=(20_000, 21))
    low, high = spread(numbers[:, :20].T)[1:]
    outside = ((numbers[:, 20] < low) | (numbers[:, 20] > high)).mean()
    assert outside == pytest.approx(0.1, abs=0.01)


def test_curves_are_runs_one_by_one(similar: tuple[Experiment, Target]) -> None:
    experiment, asked_for = similar
    scores = scores_of(experiment, 1)
    curves = deletion_curve(experiment, asked_for, scores, removed="mask", steps=5)
    away = np.flatnonzero(removable(experiment, asked_for))
    assert len(away) == 12
    order = sorted(away, key=lambda at: -scores[at])
    before = value_before(experiment, asked_for)

    def without(positions: Any) -> float:
        removed = np.isin(np.arange(len(scores)), list(positions))[None]
        return float(values_without(experiment, asked_for, removed, "mask")[0])

    counts = [0, 3, 5, 8, 10, 12]
    np.testing.assert_allclose(curves.shares, np.array(counts) / 12)
    np.testing.assert_allclose(curves.deletion, [without(order[:count]) for count in counts], atol=1e-5)
    np.testing.assert_allclose(curves.insertion, [without(order[12 - count :]) for count in counts], atol=1e-5)
    assert curves.deletion[0] == curves.insertion[0] == pytest.approx(before)
    assert curves.deletion_area == pytest.approx(np.trapezoid(curves.deletion, curves.shares))
    assert curves.insertion_area == pytest.approx(np.trapezoid(curves.insertion, curves.shares))
    for percent, count in {10: 2, 20: 3, 50: 6}.items():
        assert curves.comprehensiveness[percent] == pytest.approx(before - without(order[:count]), abs=1e-5)
        assert curves.sufficiency[percent] == pytest.approx(before - without(order[count:]), abs=1e-5)
    assert curves.num_runs == cost(experiment, asked_for, steps=5)
    for step, count in enumerate(counts):
        assert set(np.flatnonzero(input_at(experiment, asked_for, scores, step, steps=5))) == set(order[:count])
        left = input_at(experiment, asked_for, scores, step, steps=5, direction="insertion")
        assert set(np.flatnonzero(left)) == set(order[12 - count :])


def test_insertion_is_deletion_of_the_reversed_order(similar: tuple[Experiment, Target]) -> None:
    experiment, asked_for = similar
    scores = scores_of(experiment, 2)
    one, reverse = (deletion_curve(experiment, asked_for, each, removed="left out") for each in (scores, -scores))
    np.testing.assert_allclose(one.insertion, reverse.deletion, atol=1e-6)
    np.testing.assert_allclose(one.deletion, reverse.insertion, atol=1e-6)
    assert one.difference == pytest.approx(-reverse.difference, abs=1e-6)
    assert abs(one.difference) > 1e-3


def test_a_band_is_of_its_orders(similar: tuple[Experiment, Target]) -> None:
    experiment, asked_for = similar
    told: list[tuple[int, int]] = []
    band = random_band(
        experiment, asked_for, removed="mean", orders=8, steps=4, seed=3, on_step=lambda *step: told.append(step)
    )
    assert told[0] == (0, band.num_runs)
    assert band.num_runs == cost(experiment, asked_for, orders=8, steps=4, seed=3)
    away = np.flatnonzero(removable(experiment, asked_for))
    generator = np.random.default_rng(3)
    areas = []
    for _ in range(4):
        scores = np.zeros(len(experiment.input.ids))
        scores[generator.permutation(away)] = np.arange(12)[::-1]
        both = [deletion_curve(experiment, asked_for, each, removed="mean", steps=4) for each in (scores, -scores)]
        areas += [(curves.deletion_area, curves.insertion_area, curves.difference) for curves in both]
    for interval, numbers in zip((band.deletion_area, band.insertion_area, band.difference), np.array(areas).T):
        expected = [numbers.mean(), *np.quantile(numbers, [0.05, 0.95], method="weibull")]
        np.testing.assert_allclose(interval, expected, atol=1e-5)
    np.testing.assert_allclose(band.deletion.mean, band.insertion.mean, atol=1e-6)
    assert (band.deletion.low <= band.deletion.high).all()
    again = random_band(experiment, asked_for, removed="mean", orders=8, steps=4, seed=3)
    assert again.difference == band.difference
    assert random_band(experiment, asked_for, removed="mean", orders=8, steps=4, seed=4).difference != band.difference
    with pytest.raises(InputError, match="even"):
        random_band(experiment, asked_for, removed="mean", orders=3)


def test_of_random_explanations_few_leave_the_band(minilm: EncoderTextModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that can be removed of a short text runs once; then many bands are many numbers to look up."""
    experiment = Experiment(minilm, minilm.read("The fisherman sold fresh cod today."))
    asked_for = target(experiment, Choice("similarity"), other=OTHER)
    away = np.flatnonzero(removable(experiment, asked_for))
    sets = np.zeros((2 ** len(away), len(experiment.input.ids)), dtype=bool)
    sets[:, away] = np.arange(len(sets))[:, None] >> np.arange(len(away)) & 1
    known = {row.tobytes(): value for row, value in zip(sets, values_without(experiment, asked_for, sets, "mask"))}
    best = occlusion(experiment, asked_for, "mask")

    def look_up(_: object, __: object, removed: np.ndarray, *___: object, **____: object) -> np.ndarray:
        return np.array([known[row.tobytes()] for row in removed])

    monkeypatch.setattr("headlens.model.effects.curves.values_without", look_up)
    generator, outside = np.random.default_rng(0), []
    for seed in range(20):
        band = random_band(experiment, asked_for, removed="mask", orders=100, seed=seed)
        scores = generator.normal(size=(100, len(experiment.input.ids)))
        found = np.array([deletion_curve(experiment, asked_for, each, removed="mask").difference for each in scores])
        outside.append(int(((found < band.difference.low) | (found > band.difference.high)).sum()))
    assert outside[0] <= 10
    assert np.mean(outside) == pytest.approx(10, abs=2)
    told = deletion_curve(experiment, asked_for, best, removed="mask")
    assert told.difference > band.difference.high, "what was measured tells more than chance"


def test_nothing_can_be_removed_before_the_first_token(folder_of: Callable[[str], Path]) -> None:
    model: Any = load_model(str(folder_of("GPT-2")), device="cpu")
    experiment = Experiment(model, model.read("Birds fly south."))
    first = target(experiment, Choice("next", 0))
    with pytest.raises(InputError, match="Nothing of this input can be removed"):
        deletion_curve(experiment, first, np.zeros(len(experiment.input.ids)), removed="mean")
