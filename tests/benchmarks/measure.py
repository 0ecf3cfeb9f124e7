"""How to measure: calls that take turns, medians, fresh processes, and one row of the table."""

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Row(NamedTuple):
    """One line of the table."""

    what: str
    input: str
    figure: str
    beside: str = "–"  # the same by another program
    aim: str = "–"
    met: bool = True


def markdown(rows: Iterable[Row]) -> str:
    """Markdown; a figure that misses its aim is bold."""
    lines = ["| what | input | Headlens | beside | aim |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        figure = row.figure if row.met else f"**{row.figure}**"
        lines.append(f"| {row.what} | {row.input} | {figure} | {row.beside} | {row.aim} |")
    return "\n".join(lines)


def say(progress: str) -> None:
    """To a person who waits; the table alone goes to stdout."""
    print(progress, file=sys.stderr, flush=True)


def in_turns(calls: Mapping[str, Callable[[], object]], seconds: float, least: int = 5) -> dict[str, float]:
    """Median milliseconds of each call.

    They take turns, so that whatever else the machine does slows all of them alike. The order differs from round to
    round, so that no call always finds in the caches what one and the same other call has left there.

    Args:
        calls: what to time; each is run once before.
        seconds: how long to go on.
        least: rounds that are run even if that takes longer.
    """
    for call in calls.values():
        call()
    names, times = list(calls), {name: list[float]() for name in calls}
    until, order = time.perf_counter() + seconds, random.Random(0)
    while len(times[names[0]]) < least or time.perf_counter() < until:
        for name in order.sample(names, len(names)):
            started = time.perf_counter()
            result = calls[name]()
            times[name].append(1000 * (time.perf_counter() - started))
            del result  # freeing it is no part of the call
    return {name: statistics.median(each) for name, each in times.items()}


def fresh(function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
    """What a function returns in a process of its own: nothing has warmed its caches or filled its memory."""
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments, **options).result()


def milliseconds(value: float) -> str:
    """As many digits as the noise leaves."""
    return f"{_short(value)} ms"


def megabytes(count: float) -> str:
    """Of a million bytes each."""
    return f"{_short(count / 1e6)} MB"


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
