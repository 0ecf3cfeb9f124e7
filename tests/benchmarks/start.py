"""From starting the server to the first picture in a Chromium that is already open; everything is installed."""

import statistics
import time
from collections.abc import Iterator

from tests.benchmarks.measure import Row, markdown, say
from tests.benchmarks.pages import app, chromium, visitor, wait_for_picture

ROUNDS = 5
AIM = 6


def rows() -> Iterator[Row]:
    with chromium() as browser:
        for page in ("Text", "Image"):
            say(f"start: {page}")
            times = []
            for _ in range(ROUNDS + 1):
                with visitor(browser) as visit:
                    started = time.perf_counter()
                    with app() as address:
                        visit.goto(address if page == "Text" else f"{address}/image")
                        wait_for_picture(visit)
                        times.append(time.perf_counter() - started)
            median = statistics.median(times[1:])  # the first one also reads everything from the disk
            yield Row("start, to the first picture", page, f"{median:.1f} s", aim=f"{AIM} s", met=median <= AIM)


if __name__ == "__main__":
    print(markdown(rows()))
