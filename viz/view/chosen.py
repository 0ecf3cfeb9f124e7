"""Several tokens or heads chosen at once: how they are written, "3-9.12" and "2~0-3_4~1", and how many there may be.

viz/explorer/js/selection.js has the same bounds.
"""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

# What a browser adds up, and an address holds
MOST = 1_024  # tokens
MOST_RUNS = 100  # of tokens
MOST_HEADS = 256
LONGEST = 3_000  # characters that are read
LARGEST = 1_000_000  # more positions than any recording has
RUNS = re.compile(r"\d{1,6}(-\d{1,6})?(\.\d{1,6}(-\d{1,6})?)*", re.ASCII)
Head = tuple[int, int]  # layer, head


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers that follow one another, as the first and the last of each run."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


def boxes(patches: Iterable[int], columns: int) -> list[tuple[int, int, int, int]]:
    """Rectangles that cover patches, counted row by row from 0: left, top, right and bottom, in patches."""
    begun: dict[tuple[int, int], int] = {}  # by its columns, where each that goes on began
    found: list[tuple[int, int, int, int]] = []
    below = {row: list(some) for row, some in groupby(sorted(set(patches)), key=lambda patch: patch // columns)}
    for row in sorted({*below, *(row + 1 for row in below)}):
        here = set(runs(patch % columns for patch in below.get(row, [])))
        found += [(first, top, last + 1, row) for (first, last), top in begun.items() if (first, last) not in here]
        begun = {run: begun.get(run, row) for run in sorted(here)}
    return sorted(found)


def write_runs(numbers: Iterable[int]) -> str:
    """The numbers as "3-9.12"."""
    return ".".join(str(first) if first == last else f"{first}-{last}" for first, last in runs(numbers))


def read_runs(text: str, count: int) -> tuple[int, ...] | None:
    """The numbers below count that "3-9.12" says; None for what says none."""
    if not text:
        return ()
    if len(text) > LONGEST or not RUNS.fullmatch(text):
        return None
    ends = [[int(end) for end in run.split("-")] for run in text.split(".")[:MOST_RUNS]]
    return tuple(sorted({number for run in ends for number in range(run[0], min(run[-1] + 1, count))}))


def write_heads(heads: Iterable[Head]) -> str:
    """Heads as "2~0-3_4~1": layer 2 with heads 0 to 3, layer 4 with head 1."""
    layers = groupby(sorted(heads), key=lambda head: head[0])
    return "_".join(f"{layer}~{write_runs(head for _, head in found)}" for layer, found in layers)


def read_heads(text: str, layers: int, heads: int) -> tuple[Head, ...] | None:
    """The heads that "2~0-3_4~1" says, of those that there are; None for what says none."""
    if not text:
        return ()
    found: list[Head] = []
    for part in text[: LONGEST + 1].split("_"):
        layer, _, numbers = part.partition("~")
        row = read_runs(layer, layers)
        columns = read_runs(numbers, heads)
        if len(text) > LONGEST or row is None or columns is None or not numbers or not layer.isdigit():
            return None
        found += [(each, head) for each in row for head in columns]
    return tuple(sorted(set(found)))


def bounded(tokens: Sequence[int], query: int) -> tuple[int, ...]:
    """As many of the tokens, which are sorted, as may be chosen at once: those up to the query, which is among them."""
    at = tokens.index(query)
    kept = tokens[max(0, at - MOST + 1) :][:MOST]
    found = runs(kept)
    at = next(index for index, (first, last) in enumerate(found) if first <= query <= last)
    found = found[max(0, at - MOST_RUNS + 1) :][:MOST_RUNS]
    return tuple(token for token in kept if found[0][0] <= token <= found[-1][1])
