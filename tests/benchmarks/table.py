"""All measurements in one table: `make bench`. Each part runs in a process of its own; each can also be run alone."""

import os
import time
from importlib import import_module

from tests.benchmarks.measure import Row, fresh, markdown, say

PARTS = (
    "start",
    "explorer",
    "recording",
    "cli",
    "adapter",
    "how",
    "effects",
    "memory",
    "atlas",
    "on_demand",
    "peers",
    "gpu",
)


def rows_of(part: str) -> list[Row]:
    """All rows of one of the PARTS."""
    return list(import_module(f"tests.benchmarks.{part}").rows())


def main() -> None:
    """Print the table."""
    busy = os.getloadavg()[0]
    if busy > 0.5:
        say(f"Other programs are at work here (load {busy:.1f}): the times will be too long.")
    rows: list[Row] = []
    for part in PARTS:
        started = time.perf_counter()
        rows += fresh(rows_of, part)
        say(f"{part}: took {time.perf_counter() - started:.0f} s")
    print(markdown(rows))


if __name__ == "__main__":
    main()
