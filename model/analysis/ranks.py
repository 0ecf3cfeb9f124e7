"""How alike two orders are."""

import numpy as np


def spearman(one: np.ndarray, other: np.ndarray) -> float:
    """The rank correlation of two measures [item] (Spearman 1904): Pearson's of the ranks, equal values sharing one."""
    from scipy.stats import rankdata  # it takes half a second to import

    ranks = [rankdata(values) for values in (one, other)]
    if any(np.ptp(of) == 0 for of in ranks):
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])
