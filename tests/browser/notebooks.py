"""JupyterLab and marimo, really started, each in a folder of its own and with nobody's settings."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.paths import ROOT

JUPYTER_PLACES = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """Where JupyterLab answers, with the folder's `work` as its root, while the context lasts."""
    command = ["jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder / 'work'}"]
    command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += ["--ServerApp.password=", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    command += ["--ServerApp.disable_check_xsrf=True"]  # the tests end kernels by its API
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')  # else it asks
    with _serving(command, "--ServerApp.port={}", "/api", folder) as url:
        yield url


@contextmanager
def marimo(folder: Path, notebook: Path) -> Iterator[str]:
    """Where marimo runs a notebook, its code hidden."""
    command = ["marimo", "--log-level=error", "run", str(notebook), "--headless", "--no-token", "--host=127.0.0.1"]
    with _serving(command, "--port={}", "/health", folder) as url:
        yield url


@contextmanager
def _serving(command: Sequence[str], port_option: str, health: str, folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {name: str(folder / name.lower()) for name in (*JUPYTER_PLACES, "XDG_CONFIG_HOME", "XDG_STATE_HOME")}
    environment = {**os.environ, **places, "PYTHONPATH": str(ROOT / ".src"), "OMP_NUM_THREADS": "1"}
    environment["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", *command, port_option.format(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}{health}", server, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(15)  # its kernels end with it
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, f"it ended by itself: {log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("it did not answer within a minute")
