"""Devices and number formats: what is there is picked, what is not is refused with a sentence."""

import pytest
import torch

from model import load_model
from model.device import pick_device, pick_dtype, synchronize
from model.errors import DeviceError
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
