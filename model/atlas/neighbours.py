"""t-SNE of points, by scikit-learn in a process of its own: inside of scikit-learn nobody could leave it."""

import io
import os
import re
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from headlens.model.errors import InputError
from headlens.model.progress import OnStep, no_step

SCRIPT = Path(__file__).with_name("lay_out.py")
PERPLEXITY = 30.0  # less where there are few points
STEPS = 1_000  # at most; it ends earlier where nothing gets better
LOOK_AGAIN = 0.25  # seconds between two looks at the process
INSTALL = 'A map by t-SNE needs scikit-learn; run pip install -e ".[map]".'


def can_keep_neighbours() -> bool:
    """Whether scikit-learn is installed."""
    return find_spec("sklearn") is not None


def keep_neighbours(points: np.ndarray, *, seed: int = 0, on_step: OnStep = no_step) -> np.ndarray:
    """A plane in which neighbours stay together, [point, 2] (t-SNE, van der Maaten & Hinton 2008).

    Args:
        points: [point, dimension], finite.
        seed: of the principal components that it starts from.
        on_step: called every LOOK_AGAIN seconds, also where no step is done yet; what it raises ends the process.

    Raises InputError where scikit-learn is not installed, or gives up.
    """
    if not can_keep_neighbours():
        raise InputError(INSTALL)
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    command = [sys.executable, "-P", str(SCRIPT), str(perplexity), str(seed), str(STEPS)]
    environment = {"OMP_WAIT_POLICY": "PASSIVE"}  # its threads meet at each step; else they take a core to wait there
    environment |= os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with tempfile.TemporaryFile() as given:
        np.save(given, points)
        given.seek(0)
        process = subprocess.Popen(
            command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        with process:
            try:
                answer, said = _follow(process, on_step)
            finally:
                process.kill()
    if process.returncode != 0:
        reasons = re.findall(r"^\w*Error: (.*?)[.!]?$", said.decode(errors="replace"), re.MULTILINE)
        reason = reasons[-1] if reasons else "its process was ended"
        raise InputError(f"scikit-learn cannot lay these points out by t-SNE ({reason:.200}); take PCA.")
    placed: np.ndarray = np.load(io.BytesIO(answer), allow_pickle=False)
    return placed


def _follow(process: "subprocess.Popen[bytes]", on_step: OnStep) -> tuple[bytes, bytes]:
    """What the process writes to standard output and error, once it has ended."""
    said: bytes | None = None
    while True:
        done = re.findall(rb"Iteration ([0-9]+):", said or b"")
        on_step(int(done[-1]) if done else 0, STEPS)
        try:
            return process.communicate(timeout=LOOK_AGAIN)
        except subprocess.TimeoutExpired as running:
            said = running.stderr  # so far; none on Windows
