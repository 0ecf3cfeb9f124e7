"""A build keeps what a batch freed, and gives it back before its tables are written; glibc knows all its settings."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headlens.model.heap import SETTINGS, STARTED, VARIABLE
from tests.benchmarks.memory import STATUS
from tests.paths import ROOT

MAPS = Path("/proc/self/maps")
LEFT = """
import torch
from headlens.model.heap import trim
from tests.benchmarks.memory import resident

before = resident("VmRSS")
some = [torch.ones(2**21) for _ in range(20)]
del some
print(resident("VmRSS") - before)
trim()
print(resident("VmRSS") - before)
"""
AGAIN = """
import os
import sys
from headlens.model.heap import VARIABLE, start_again_with_own_heap

print(os.getpid(), flush=True)
start_again_with_own_heap()
print(os.environ.get(VARIABLE), *sys.argv[1:], sys.stdin.read())
"""
WITHOUT = {name: value for name, value in os.environ.items() if name not in (VARIABLE, STARTED)}


def python(code: str, *arguments: str, **environment: str) -> list[str]:
    """The lines that it writes."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env=WITHOUT | environment,
        input="its input",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux tells what is resident")
def test_what_is_freed_is_kept_until_it_is_given_back() -> None:
    """Of 168 MB."""
    assert int(python(LEFT)[0]) < 40e6
    kept, given_back = map(int, python(LEFT, **{VARIABLE: SETTINGS}))
    assert kept > 120e6
    assert given_back < 40e6


def test_glibc_knows_the_settings() -> None:
    """It says nothing of a name or a value that it does not take."""
    loader = re.search(r"/\S*ld-linux\S*", MAPS.read_text() if MAPS.exists() else "")
    if loader is None:
        pytest.skip("no glibc")
    listed = subprocess.run(
        [loader[0], "--list-tunables"], env={VARIABLE: SETTINGS}, capture_output=True, text=True, check=True
    ).stdout
    taken = {name: int(value, 16) for name, value in re.findall(r"^(\S+): 0x(\w+) ", listed, re.MULTILINE)}
    for setting in SETTINGS.split(":"):
        name, value = setting.split("=")
        assert taken[name] == int(value)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is of Linux")
def test_started_again_it_is_the_same_process() -> None:
    first, again, last = python(AGAIN, "two words", "")
    assert first == again
    assert last == f"{SETTINGS} two words  its input"


def test_settings_of_ones_own_stay() -> None:
    own = "glibc.malloc.tcache_count=3"
    _, last = python(AGAIN, **{VARIABLE: own})
    assert last == f"{own} its input"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is of Linux")
def test_where_it_cannot_be_started_again_it_goes_on() -> None:
    """A program from standard input is read already; where the settings are taken away it would start for ever."""
    run = subprocess.run(
        [sys.executable, "-", "a word"], cwd=ROOT, env=WITHOUT, input=AGAIN, capture_output=True, text=True, check=True
    )
    assert run.stdout.splitlines()[1:] == ["None a word "]
    first, *_, last = python(AGAIN, **{STARTED: "1"})
    assert first.isdigit()
    assert last == "None its input"
    for nowhere in ("", "/nowhere/python"):
        *_, last = python(f"import sys\nsys.executable = {nowhere!r}\n{AGAIN}")
        assert last == "None its input"
