"""Does the server's memory grow over many recordings? `python -m tests.load.soak`; on Linux, which tells the memory."""

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from tests.browser.serve import Server, start
from tests.load.inputs import is_photo, is_string, photo, text
from tests.load.visitor import Visitor

RECORDINGS, WARM = 2_400, 400  # after WARM of them the caches are full and the memory is as fragmented as it gets
SECONDS = 570  # after which it stops in any case
STORE = "0.1"  # gigabytes: some ten photos
VISITORS = 4  # at once, every other on the Image page
EACH = 25  # inputs of each visitor between two measurements of the memory
STAY = 2  # measurements for which a visitor stays; then others come instead
SPAN = 8  # measurements that are averaged: the memory goes up and down by what is freed but not returned yet
GROWTH = 0.05


def arrive(url: str, image: bool) -> Visitor:
    """A new tab, after its page has been drawn."""
    visitor = Visitor(url, "image", "size=224") if image else Visitor(url)
    visitor.look()
    return visitor


def send_inputs(visitor: Visitor, numbers: range) -> None:
    """Send one input after another; each must be answered with its own picture."""
    for number in numbers:
        if visitor.page == "image":
            visitor.upload(photo(number))
            assert is_photo(visitor.see().payload, number), number
        else:
            words = text(number, words=5 + 7 * number % 200)
            assert is_string(visitor.look(urlencode({"text": words})).payload, words), number


def soak(server: Server, each: int = EACH) -> Iterator[tuple[int, int]]:
    """Pairs of the number of recordings so far and the bytes that the server then holds; endless."""
    visitors: list[Visitor] = []
    with ThreadPoolExecutor(VISITORS) as threads:
        for measurement in itertools.count():
            if measurement % STAY == 0:
                for visitor in visitors:
                    visitor.close()
                visitors = [arrive(server.url, number % 2 == 1) for number in range(VISITORS)]
            first = measurement * VISITORS * each
            list(
                threads.map(
                    send_inputs,
                    visitors,
                    (range(first + turn, first + VISITORS * each, VISITORS) for turn in range(VISITORS)),
                )
            )
            yield first + VISITORS * each, server.memory()


def growth(sizes_by_count: dict[int, int]) -> float:
    """How much the memory has grown since WARM recordings, as a share of what it was; by the number of recordings."""
    sizes = [size for done, size in sizes_by_count.items() if done >= WARM]
    return statistics.mean(sizes[-SPAN:]) / statistics.mean(sizes[:SPAN]) - 1


def main() -> int:
    """Print the table; 1 where the memory has grown too much."""
    sizes: dict[int, int] = {}
    print("| recordings | memory of the server |\n| --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as folder, start(Path(folder) / "log", HEADLENS_STORE_GB=STORE) as server:
        started = time.monotonic()
        for done, size in soak(server):
            sizes[done] = size
            print(f"| {done:,} | {size / 1e6:.0f} MB |", flush=True)
            if done >= RECORDINGS or time.monotonic() - started > SECONDS:
                break
    grown = growth(sizes)
    print(f"\n{time.monotonic() - started:.0f} s; since {WARM} recordings {grown:+.1%}, at most {GROWTH:+.0%}.")
    return int(grown > GROWTH)


if __name__ == "__main__":
    sys.exit(main())
