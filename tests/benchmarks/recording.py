"""How long recording takes, beside the same forward passes of transformers (cases.py says what is timed)."""

from collections.abc import Iterator, Mapping

import torch

from tests.benchmarks.cases import CASES
from tests.benchmarks.measure import Row, in_turns, markdown, milliseconds, say

SECONDS = 20  # of each case
AIM = 1.05


@torch.inference_mode()
def rows() -> Iterator[Row]:
    for name, build in CASES.items():
        say(f"recording: {name}")
        calls = build()
        alone = {"record": calls.pop("record")} if "record" in calls else {}  # it has the weights of "ours" in common
        times = in_turns(calls, SECONDS)
        times |= in_turns(alone, SECONDS / 4) if alone else {}
        yield row_of("record", name, times)


def row_of(what: str, name: str, times: Mapping[str, float], *, ratios: str = "", aim: float = AIM) -> Row:
    """Ours beside transformers' two ways; ratios: more of them than the one to SDPA."""
    ratio = times["ours"] / times["sdpa"]
    whole = f"; whole `record()` {milliseconds(times['record'])}" if "record" in times else ""
    return Row(
        what,
        name,
        f"{milliseconds(times['ours'])} ({ratio:.2f} × SDPA{ratios}){whole}",
        f"SDPA {milliseconds(times['sdpa'])}; eager {milliseconds(times['eager'])}",
        f"{aim} × SDPA",
        round(ratio, 2) <= aim,
    )


if __name__ == "__main__":
    print(markdown(rows()))
