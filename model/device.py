"""Where a model runs, and in which number format."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from headlens.model.errors import DeviceError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


def pick_device(device: str = "auto") -> torch.device:
    """The torch device for a name: "auto" is cuda, else mps, else cpu.

    Raises DeviceError when the name is unknown or this machine has no such device.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        picked = torch.device(device)
    except (RuntimeError, TypeError):
        picked = None
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (picked is None or (picked.index or 0) < torch.cuda.device_count()),
        "mps": torch.backends.mps.is_available(),
    }
    if picked is None or picked.type not in available:
        raise DeviceError(f"device must be auto, cuda, mps or cpu, not {device!r}.")
    if not available[picked.type]:
        raise DeviceError(f'This machine has no device {device}; device="auto" takes what there is.')
    return picked


def pick_dtype(dtype: str, device: torch.device) -> torch.dtype:
    """The torch number format for a name in DTYPES, where the device computes in it.

    Raises DeviceError for another name, for bfloat16 on a CPU (slow, and no use there) and for float64 on mps.
    """
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise DeviceError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}.")
    if (dtype, device.type) in (("bfloat16", "cpu"), ("float64", "mps")):
        raise DeviceError(f"{dtype} is not offered on {device.type}; leave dtype out for float32.")
    return DTYPES[dtype]


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished what was queued, so that a clock read after it is true."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def parallel_runs(device: torch.device) -> int:
    """How many models may run at once before they only slow each other down: one a core, or one on a GPU."""
    if device.type != "cpu":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(device: torch.device) -> int:
    """Bytes of memory that a model may take on a device: what is free now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    with suppress(OSError), open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable"):  # what the kernel could give, caches and all
                return 1024 * int(line.split()[1])
    if hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 2**63


@contextmanager
def enough_memory(device: torch.device) -> Iterator[None]:
    """Raises DeviceError where torch finds no memory inside the context, for a GPU or for the CPU."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)):
            raise
        raise DeviceError(f"There is not enough memory on {device} for this input; give a smaller one.") from None
