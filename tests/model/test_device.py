"""Devices and number formats: what is there is picked, what is not is refused with a sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from headlens.model import load_model
from headlens.model.device import enough_memory, parallel_runs, pick_device, pick_dtype, synchronize
from headlens.model.errors import DeviceError
from tests.paths import ROOT
from tests.sentences import is_one_sentence

CPU = torch.device("cpu")


def test_cpu_is_always_there() -> None:
    assert pick_device("cpu") == CPU
    synchronize(CPU)


def test_auto_takes_the_first_of_cuda_mps_and_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    for cuda, mps, expected in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert pick_device("auto").type == expected


@pytest.mark.parametrize("device", ["tpu", "", "CPU", "cuda:x", "meta", "cpu:-1", "auto "])
def test_an_unknown_device(device: str) -> None:
    with pytest.raises(DeviceError, match=f"auto, cuda, mps or cpu, not {device!r}") as caught:
        pick_device(device)
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:1", "mps"])
def test_a_device_that_this_machine_lacks(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: device == "cuda:1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"no device {device};") as caught:
        pick_device(device)
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize(
    ("dtype", "device", "expected"),
    [
        ("float32", "cpu", torch.float32),
        ("float64", "cpu", torch.float64),
        ("bfloat16", "cuda", torch.bfloat16),
        ("float64", "cuda", torch.float64),
        ("bfloat16", "mps", torch.bfloat16),
    ],
)
def test_number_formats(dtype: str, device: str, expected: torch.dtype) -> None:
    assert pick_dtype(dtype, torch.device(device)) is expected


@pytest.mark.parametrize(
    ("dtype", "device"), [("float16", "cuda"), ("", "cpu"), ("bfloat16", "cpu"), ("float64", "mps"), ("int8", "cpu")]
)
def test_number_formats_that_are_not_offered(dtype: str, device: str) -> None:
    with pytest.raises(
        DeviceError, match=f"^dtype must be .* not {dtype!r}|^{dtype} is not offered on {device};"
    ) as caught:
        pick_dtype(dtype, torch.device(device))
    assert is_one_sentence(caught.value)


@pytest.mark.parametrize("arguments", [{"device": "tpu"}, {"dtype": "int8"}, {"device": "cpu", "dtype": "bfloat16"}])
def test_load_model_refuses_before_it_reads_anything(arguments: dict[str, str]) -> None:
    with pytest.raises(DeviceError):
        load_model("minilm-l6", **arguments)


SCRIPT = r"""
import re, resource, sys
from pathlib import Path
from headlens.model import load_model
from headlens.model.errors import DeviceError
model = load_model("dinov2-focus", device="cpu")
model.record(sys.argv[1], 224)
taken = 1024 * int(re.search(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text())[1])
resource.setrlimit(resource.RLIMIT_AS, (taken + 80_000_000, resource.RLIM_INFINITY))
try:
    model.record(sys.argv[1], 1036)
except DeviceError as error:
    print(error)
print(model.record(sys.argv[1], 224).num_tokens)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the limit is set as Linux sets it")
def test_too_little_memory_is_one_sentence_and_the_model_lives_on(sample_photo: Callable[[str], Path]) -> None:
    command = [sys.executable, "-c", SCRIPT, str(sample_photo("coffee"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "There is not enough memory on cpu for this input; give a smaller one.\n385\n", done.stderr


def test_other_failures_are_not_called_that() -> None:
    with pytest.raises(RuntimeError, match="shapes"), enough_memory(torch.device("cpu")):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_as_many_runs_at_once_as_there_are_cores_or_one_on_a_gpu() -> None:
    script = "import os, torch; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    script += "from headlens.model.device import parallel_runs; print(parallel_runs(torch.device('cpu')))"
    if hasattr(os, "sched_setaffinity"):
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
        assert done.stdout == "1\n", done.stderr
    assert parallel_runs(CPU) >= 1
    assert parallel_runs(torch.device("cuda")) == 1
