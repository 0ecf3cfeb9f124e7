"""How much memory recording takes, beside eager attention that returns its weights; each in a fresh process (Linux).

Kept are the bytes of the result's tensors; resident is how much more memory the process has afterwards. The peak is how
far the resident memory rose during the run above what it was before, as the kernel counts it (VmHWM).
"""

import gc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.heap import trim
from tests.benchmarks.cases import CASES, random_bert
from tests.benchmarks.measure import Row, fresh, markdown, megabytes, say

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
AIM = 0.1


class Memory(NamedTuple):
    """Of one run, in bytes."""

    kept: int
    resident: int
    peak: int


def rows() -> Iterator[Row]:
    if not CLEAR.exists():
        say("memory: skipped, only Linux tells the peak of a process")
        return
    for name in CASES:
        say(f"memory: {name}")
        ours, eager = (fresh(measure, name, call) for call in ("ours", "eager"))
        share = ours.kept / eager.kept
        yield Row(
            "memory",
            name,
            f"{_words(ours)} ({share:.2f} × eager)",
            f"eager {_words(eager)}",
            f"{AIM} × eager kept",
            share <= AIM,
        )


@torch.inference_mode()
def measure(name: str, call: str) -> Memory:
    """One run of a case, after one of a tiny network, for what torch sets up at its first run."""
    run = CASES[name]()[call]
    random_bert(16, num_layers=1)[call]()
    _tidy()
    before = resident("VmRSS")
    CLEAR.write_text("5")  # the peak starts again from here
    result = run()
    peak = resident("VmHWM") - before
    _tidy()
    return Memory(_bytes(result), resident("VmRSS") - before, peak)


def _tidy() -> None:
    gc.collect()
    trim()  # give back what is free, or it would count as kept


def resident(what: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
    return 1024 * int(line.split()[1])  # the line says kB


def _bytes(result: object) -> int:
    return sum({tensor.data_ptr(): tensor.untyped_storage().nbytes() for tensor in _tensors(result)}.values())


def _tensors(result: Any) -> Iterator[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        yield result
    elif isinstance(result, AttentionInputs):
        yield from _tensors([result.query, result.key, result.value, result.mask])
    elif isinstance(result, Mapping):
        yield from _tensors(list(result.values()))
    elif isinstance(result, list | tuple):
        for part in result:
            yield from _tensors(part)


def _words(memory: Memory) -> str:
    return f"peak {megabytes(memory.peak)}, resident + {megabytes(memory.resident)}, kept {megabytes(memory.kept)}"


if __name__ == "__main__":
    print(markdown(rows()))
