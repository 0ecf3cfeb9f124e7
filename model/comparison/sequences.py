"""Which elements of two sequences correspond: a longest common subsequence that is the same both ways round."""

from collections.abc import Sequence

import numpy as np

from headlens.model.errors import InputError

MOST = 4_096  # elements of each sequence, beside what is equal at both ends
Pair = tuple[int, int]


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> list[Pair]:
    """Pairs (index in the first, index in the second) of equal elements, in order, as many as there can be.

    Of several longest ones (Wagner and Fischer 1974) it is the one whose elements stand at the most similar places,
    then nearest to the beginning: so that exchanging the sequences exchanges the pairs and does nothing else. (Python's
    difflib is not symmetric: "tide" and "diet".)

    Raises InputError where more than MOST elements differ.
    """
    shorter = min(len(first), len(second))
    before = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    rest = range(shorter - before)
    after = next((at for at in rest if first[-1 - at] != second[-1 - at]), len(rest))
    inner = [list(items[before : len(items) - after]) for items in (first, second)]
    if max(map(len, inner)) > MOST:
        raise InputError(f"These texts differ in more than {MOST:,} tokens; compare shorter ones.")
    one = _longest(*inner)
    other = [(i, j) for j, i in _longest(*reversed(inner))]
    # Of two equally good lists, the one that comes first in an order which is the same for a list and its mirror image.
    middle = min(one, other, key=lambda pairs: [(i + j, abs(i - j), inner[0][i]) for i, j in pairs])
    return [
        *((at, at) for at in range(before)),
        *((before + i, before + j) for i, j in middle),
        *((len(first) - at, len(second) - at) for at in range(after, 0, -1)),
    ]


def _longest(first: Sequence[str], second: Sequence[str]) -> list[Pair]:
    """By dynamic programming over what is left of both from each pair of places on."""
    rows, columns = len(first), len(second)
    if not rows or not columns:
        return []
    ids = {name: index for index, name in enumerate(dict.fromkeys([*first, *second]))}
    own, theirs = (np.array([ids[name] for name in items]) for items in (first, second))
    places = np.arange(columns)
    # The number of pairs; then less |i - j| summed over them; then less i + j. Each sum is below 2 ** 25.
    best = np.zeros((rows + 1, columns + 1), np.int64)
    gains = np.empty((rows, columns), np.int64)
    for i in range(rows - 1, -1, -1):
        gains[i] = (1 << 50) - (np.abs(i - places) << 25) - (i + places)
        taken = np.where(own[i] == theirs, gains[i] + best[i + 1, 1:], 0)
        reached = np.maximum(taken, best[i + 1, :-1])
        best[i, :-1] = np.maximum.accumulate(reached[::-1])[::-1]
    pairs, i, j = list[Pair](), 0, 0
    while i < rows and j < columns:
        if own[i] == theirs[j] and best[i, j] == gains[i, j] + best[i + 1, j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1, j] == best[i, j]:
            i += 1
        else:
            j += 1
    return pairs
