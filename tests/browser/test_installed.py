"""The wheel, installed into an environment of its own, runs from any folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.serve import start_command
from tests.paths import ROOT

DEPENDENCIES = sysconfig.get_path("purelib")  # of the environment at hand, its packages without their .pth files
LOOKS = "Layer 3, head 1: what “it” looks at"


def checkout(folder: Path) -> Path:
    """A copy of the files that belong to the project: a build leaves its own, which a later one would pack too."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if os.path.lexists(ROOT / name):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("installed")
    source = checkout(folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run([*build, str(source)], check=True, cwd=folder)
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    (wheel,) = folder.glob("*.whl")
    install = [sys.executable, "-m", "pip", "--python", str(environment), "install", "-q", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    own = subprocess.run(
        [scripts / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (Path(own) / "dependencies.pth").write_text(DEPENDENCIES)
    return scripts


@pytest.fixture
def python(commands: Path, tmp_path: Path) -> Callable[[str], str]:
    """Runs code in the environment, from an empty folder, and gives what it prints."""

    def run(code: str) -> str:
        done = subprocess.run([commands / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


def test_it_is_the_wheel_and_complete(python: Callable[[str], str], commands: Path) -> None:
    where = python("import headlens.model, headlens.viz; print(headlens.model.__file__)")
    assert Path(where).is_relative_to(commands.parent)
    files = set(
        python("import headlens, os; [print(*e[2]) for e in os.walk(os.path.dirname(headlens.__file__))]").split()
    )
    shipped = subprocess.run(["git", "ls-files", "model", "viz"], cwd=ROOT, capture_output=True, text=True, check=True)
    read_in_the_repository = {"README.md", "package.json"}  # by people, and by node's test runner
    assert {Path(name).name for name in shipped.stdout.splitlines()} - read_in_the_repository <= files
    assert {"py.typed", "coffee.jpg", "checkpoints.txt", "streamlit.toml", "app.py"} <= files
    assert not {"text.png", "conftest.py"} & files  # the README's pictures, and the tests


def test_it_knows_its_version(python: Callable[[str], str]) -> None:
    from headlens.model import __version__

    assert python("import headlens.model; print(headlens.model.__version__)") == __version__


def test_a_checkout_without_links_runs_too(tmp_path: Path) -> None:
    """As Git for Windows makes one where links are not allowed: each is a file that holds where it leads."""
    source = checkout(tmp_path / "source")
    links = [path for path in source.rglob("*") if path.is_symlink()]
    assert len(links) == 4
    for link in links:
        target = os.readlink(link)
        link.unlink()
        link.write_text(target)
    code = (
        "from headlens.viz.cli import server_options; from headlens.viz.inputs.samples import PHOTOS; import headlens;"
        "PHOTOS['Coffee'].read(); print(headlens.__file__);"
        "print(server_options('127.0.0.1', 1, [])['server.allowedHosts'])"
    )
    environment = os.environ | {"PYTHONPATH": str(source / ".src")}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(source / ".src" / "headlens" / "__init__.py"),
        "['localhost', '127.0.0.1']",
    ]


def test_the_app_opens_its_pages_from_an_empty_folder(commands: Path, tmp_path: Path, browser: Browser) -> None:
    empty, log = tmp_path / "empty", tmp_path / "log"
    empty.mkdir()
    with start_command([commands / "headlens", "app"], "--port", log, empty) as server:
        opened = browser.new_page()
        opened.goto(server.url)
        expect(opened.locator(".hl-sentence")).to_contain_text(LOOKS, timeout=60_000)
        opened.goto(f"{server.url}/image")
        expect(opened.locator(".hl-sentence")).to_contain_text("patch (", timeout=60_000)
        opened.goto(f"{server.url}/atlas")
        expect(opened.get_by_role("heading", name="Layer 0, head 2")).to_be_visible(timeout=60_000)
        headers = opened.request.get(server.url).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"  # of the guard
        assert opened.request.get(server.url, headers={"Host": "evil.example"}).status == 403
        opened.close()
    assert "Traceback" not in log.read_text()
    assert "127.0.0.1" in log.read_text()  # the address that the settings name
    assert list(empty.iterdir()) == []
