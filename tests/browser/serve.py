"""The real app, as `streamlit run app.py` starts it, or another command."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.paths import ROOT

ARGUMENTS = [  # of Chromium
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Server:
    """Where the app answers, and the process that it is."""

    url: str
    process: subprocess.Popen

    def memory(self) -> int:
        """Bytes that the process holds in memory now; on Linux only."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.split("VmRSS:")[1].split()[0])


@contextmanager
def serve(log: Path) -> Iterator[str]:
    """Where the app answers, while the context lasts; what the server prints goes into the log."""
    with start(log) as server:
        yield server.url


@contextmanager
def start(log: Path, module: str = "streamlit", **environment: str) -> Iterator[Server]:
    """The app as a module starts it, with these variables in its environment; it may end before the context does."""
    command = [sys.executable, "-m", module, "run", "app.py", "--server.headless", "true"]
    with start_command(command, "--server.port", log, environment=environment) as server:
        yield server


@contextmanager
def start_command(
    command: Sequence[str | Path], port_option: str, log: Path, cwd: Path = ROOT, environment: Mapping[str, str] = {}
) -> Iterator[Server]:
    """The app as a command starts it in a folder, on a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as output:
        server = subprocess.Popen(
            [*command, port_option, str(port)],
            cwd=cwd,
            env={**os.environ, "STREAMLIT_SERVER_HEADLESS": "true", **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server)
        yield Server(f"http://127.0.0.1:{port}", server)
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(url: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not answer within 30 seconds")
