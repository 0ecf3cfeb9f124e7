"""Sums that are exact, beside numpy's in float64; quantiles from bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from headlens.model.atlas.measures import BINS, Measure
from headlens.model.atlas.tally import COUNT, ENOUGH, HISTOGRAM, UNIT, mean, quantile, std, tally

SHARE = Measure("share")
DISTANCE = Measure("distance", scale=16_384, logarithmic=True)
VALUES = arrays(np.float64, (20, 2, 3), elements=st.floats(0, 1) | st.just(np.nan))


def tally_of(shares: np.ndarray) -> np.ndarray:
    return tally(shares, shares > 0.3, SHARE)


@given(VALUES)
def test_beside_numpy(values: np.ndarray) -> None:
    for measure in (SHARE, DISTANCE):
        scaled = values * measure.scale
        counts = tally(scaled, scaled > 0.5, measure)
        known = np.isfinite(scaled).sum(axis=0)
        np.testing.assert_array_equal(counts[..., COUNT], known)
        np.testing.assert_array_equal(counts[..., ENOUGH], (scaled > 0.5).sum(axis=0))
        np.testing.assert_array_equal(tally(scaled, np.isnan(scaled), measure)[..., ENOUGH], 0)
        np.testing.assert_array_equal(counts[..., HISTOGRAM].sum(axis=-1), known)
        some = known > 0
        exact, unit = np.nanmean(scaled[:, some], axis=0), measure.scale / UNIT
        np.testing.assert_allclose(mean(counts, measure)[some], exact, rtol=1e-12, atol=unit)
        deviation = std(counts, measure)[some]
        np.testing.assert_allclose(deviation, np.nanstd(scaled[:, some], axis=0), rtol=1e-6, atol=1e-7 * measure.scale)
        assert np.isnan(mean(counts, measure)[~some]).all()
        assert np.isnan(quantile(counts, measure, 0.5)[~some]).all()


@given(VALUES, st.permutations(range(20)), st.integers(0, 20))
def test_no_order_changes_a_bit(values: np.ndarray, order: list[int], cut: int) -> None:
    parts = values[order[:cut]], values[order[cut:]]
    np.testing.assert_array_equal(tally_of(values), tally_of(parts[0]) + tally_of(parts[1]))


def test_a_histogram_beside_numpys() -> None:
    values = np.random.default_rng(0).gamma(2, 5, (1_000, 1, 1))
    counts = tally(values, values > 3, DISTANCE)[0, 0, HISTOGRAM]
    np.testing.assert_array_equal(counts, np.histogram(values, DISTANCE.edges())[0])
    assert len(DISTANCE.edges()) == BINS + 1
    assert (DISTANCE.edges()[0], round(DISTANCE.edges()[-1])) == (0.0, 16_384)


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("measure", [SHARE, DISTANCE])
def test_quantiles_are_within_a_bin(share: float, measure: Measure) -> None:
    values = np.random.default_rng(0).beta(2, 5, (5_000, 1, 2)) * min(measure.scale, 40)
    found = quantile(tally(values, values > 0.1, measure), measure, share)[0]
    exact = np.quantile(values[:, 0], share, axis=0)
    edges = measure.edges()
    widths = np.diff(edges)[np.searchsorted(edges, exact, side="right") - 1]
    assert (abs(found - exact) <= widths).all()


def test_what_lies_on_an_edge() -> None:
    counts = tally_of(np.array([0.0, 0.25, 1.0]).reshape(3, 1, 1))[0, 0, HISTOGRAM]
    assert np.flatnonzero(counts).tolist() == [0, 25, BINS - 1]
    nothing = tally_of(np.zeros((4, 1, 1)))
    assert (mean(nothing, SHARE), std(nothing, SHARE)) == (0.0, 0.0)


def test_many_numbers_lose_nothing() -> None:
    """As if a thousand million inputs had been added: halves do not overflow, where one sum in int64 would."""
    counts = tally_of(np.full((1, 1, 1), 0.9)) * 10**9
    assert mean(counts, SHARE)[0, 0] == pytest.approx(0.9, rel=1e-15)
    assert std(counts, SHARE)[0, 0] < 1e-7
