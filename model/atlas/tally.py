"""Counts, sums and histograms of many numbers that give the same whatever the order in which they are added.

Numbers are added as whole multiples of 1 / UNIT of their scale, as int64, and sums of int64 are exact: so merging is
associative and commutative to the bit, which sums of floats are not.
"""

import numpy as np

from headlens.model.atlas.measures import BINS, Measure

UNIT = 2**52  # a float64 from 0 to 1 loses nothing but what is below 2**-52
LOW = 32  # bits of the lower half of a sum: 2**31 numbers can be added before a half is full
# Columns of a tally: in how many inputs a score can be told, and in how many by enough positions
COUNT, ENOUGH, SUM, SQUARES, HISTOGRAM = 0, 1, slice(2, 4), slice(4, 6), slice(6, 6 + BINS)
COLUMNS = 6 + BINS


def tally(values: np.ndarray, enough: np.ndarray, measure: Measure) -> np.ndarray:
    """The tally [layer, head, column] int64; add tallies to merge them.

    Args:
        values: [input, layer, head]; what is not finite is left out, for the measure says nothing of that head there.
        enough: [input, layer, head] bool, whether enough positions told it to call the head after it.
        measure: what was measured.
    """
    known = np.isfinite(values)
    shares = np.clip(np.where(known, values, 0.0).astype(np.float64) / measure.scale, 0.0, 1.0)
    counts = np.zeros((*values.shape[1:], COLUMNS), dtype=np.int64)
    counts[..., COUNT] = known.sum(axis=0)
    counts[..., ENOUGH] = (known & enough).sum(axis=0)
    counts[..., SUM] = _halves(shares).sum(axis=0)
    counts[..., SQUARES] = _halves(shares**2).sum(axis=0)
    bins = np.searchsorted(measure.edges(), shares * measure.scale, side="right") - 1
    heads = np.broadcast_to(np.arange(counts[..., COUNT].size).reshape(values.shape[1:]), values.shape)
    places = heads[known] * BINS + np.clip(bins, 0, BINS - 1)[known]
    counts[..., HISTOGRAM] = np.bincount(places, minlength=counts[..., COUNT].size * BINS).reshape(
        *values.shape[1:], BINS
    )
    return counts


def mean(counts: np.ndarray, measure: Measure) -> np.ndarray:
    """[layer, head]; nan where nothing was counted."""
    return _divided(_whole(counts[..., SUM]), counts[..., COUNT].astype(object) * UNIT) * measure.scale


def std(counts: np.ndarray, measure: Measure) -> np.ndarray:
    """The standard deviation of all that was counted (not of a sample): [layer, head]."""
    number = counts[..., COUNT].astype(object)
    above = np.maximum(_whole(counts[..., SQUARES]) * number * UNIT - _whole(counts[..., SUM]) ** 2, 0)
    deviation: np.ndarray = np.sqrt(_divided(above, number**2 * UNIT**2)) * measure.scale
    return deviation


def quantile(counts: np.ndarray, measure: Measure, share: float) -> np.ndarray:
    """The number below which a share of all is: [layer, head]; inside of a bin as if it were evenly filled."""
    edges, histogram = measure.edges(), counts[..., HISTOGRAM]
    until = histogram.cumsum(axis=-1)
    wanted = share * until[..., -1:]
    place = np.minimum((until < wanted).sum(axis=-1), BINS - 1)[..., None]
    inside = np.take_along_axis(histogram, place, axis=-1)
    before = np.take_along_axis(until, place, axis=-1) - inside
    part = np.clip((wanted - before) / np.maximum(inside, 1), 0.0, 1.0)
    value = edges[place] + part * (edges[place + 1] - edges[place])
    found: np.ndarray = np.where(until[..., -1] > 0, value[..., 0], np.nan)
    return found


def _halves(shares: np.ndarray) -> np.ndarray:
    """Each as whole units: the upper and the lower half of their bits, [..., 2] int64."""
    units = np.rint(shares * UNIT).astype(np.int64)
    return np.stack([units >> LOW, units & (2**LOW - 1)], axis=-1)


def _whole(halves: np.ndarray) -> np.ndarray:
    """Sums in units, as Python's integers, which have no end."""
    whole: np.ndarray = halves[..., 0].astype(object) * 2**LOW + halves[..., 1].astype(object)
    return whole


def _divided(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    pairs = zip(above.ravel().tolist(), below.ravel().tolist())
    return np.array([top / bottom if bottom else np.nan for top, bottom in pairs], dtype=np.float64).reshape(
        above.shape
    )
