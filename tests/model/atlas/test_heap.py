"""What is freed stays with the process, once it is asked for."""

import subprocess
import sys

import pytest

from tests.benchmarks.memory import STATUS
from tests.paths import ROOT

KEPT = """
import torch
from headlens.model.atlas.heap import keep_freed_memory
from tests.benchmarks.memory import resident

def left():  # bytes more than before, when 160 MB have been taken and freed
    before = resident("VmRSS")
    some = [torch.ones(2**21) for _ in range(20)]
    del some
    return resident("VmRSS") - before

print(left())
keep_freed_memory()
print(left())
"""


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells what is resident")
def test_what_is_freed_is_kept() -> None:
    run = subprocess.run([sys.executable, "-c", KEPT], cwd=ROOT, capture_output=True, text=True, check=True)
    given_back, kept = map(int, run.stdout.split())
    assert given_back < 40e6
    assert kept > 120e6
