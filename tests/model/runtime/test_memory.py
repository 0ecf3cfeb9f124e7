"""Giving freed memory back."""

import subprocess
import sys
import threading

import pytest

from headlens.model.runtime.memory import FreedMemory

HELD = """
import sys
from pathlib import Path
from headlens.model.heap import trim
def held():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
blocks = [bytearray(50_000) for _ in range(4_000)]
full = held()
blocks = blocks[-1:]  # the last stays, so that the C library keeps what is below it
kept = held()
trim()
print(full, kept, held())
"""


def test_it_is_given_back_when_enough_has_been_freed() -> None:
    returns = threading.Semaphore(0)
    freed = FreedMemory(returns.release, every=100)
    for nbytes in (60, 39):
        freed.add(nbytes)
    assert not returns.acquire(timeout=0.1)
    freed.add(1)
    assert returns.acquire(timeout=10)
    freed.add(99)  # it counts from nothing again
    assert not returns.acquire(timeout=0.1)
    freed.add(1)
    assert returns.acquire(timeout=10)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc keeps it so")
def test_the_process_gets_smaller() -> None:
    full, kept, after = map(
        int, subprocess.run([sys.executable, "-c", HELD], capture_output=True, check=True).stdout.split()
    )
    assert kept > 0.9 * full
    assert after < 0.5 * full
