"""Every figure in one table: `make bench`. Each part runs in a process of its own, and by itself too."""

import os
import time
from importlib import import_module

from tests.benchmarks.measure import Row, fresh, markdown, say

PARTS = ("start", "explorer", "recording", "adapter", "how", "memory", "on_demand", "peers", "gpu")


def rows_of(part: str) -> list[Row]:
    """All rows of one of the PARTS."""
    return list(import_module(f"tests.benchmarks.{part}").rows())


def main() -> None:
    """Print the table."""
    busy = os.getloadavg()[0]
    if busy > 0.5:
        say(f"Other programs are at work here (load {busy:.1f}): the times will be too long.")
    found: list[Row] = []
    for part in PARTS:
        started = time.perf_counter()
        found += fresh(rows_of, part)
        say(f"{part}: took {time.perf_counter() - started:.0f} s")
    print(markdown(found))


if __name__ == "__main__":
    main()
