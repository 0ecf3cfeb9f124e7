"""The program itself: quick to start, its help teaches, its errors are one sentence and an exit code."""

import fcntl
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
import torch

from headlens.model import __version__
from headlens.viz.cli import app, main, program
from tests.model.huggingface.text_models import write_folder
from tests.paths import COFFEE, ROOT
from tests.recordings import random_recording
from tests.viz.cli.conftest import MAIN, Headlens, finish, names_in, start

COMMANDS = ("app", "models", "record", "figure", "export", "roles", "induction", "explain", "heads", "compare", "atlas")
SLOW = "smollm2"  # its examples take seconds


def examples_of(help_text: str) -> list[str]:
    return re.findall(r"^ +(headlens .+)$", help_text.partition("Examples:")[2], re.MULTILINE)


def ready(folder: Path) -> None:
    """All that the examples name."""
    (folder / "reviews.csv").write_text("id,review\n1,A cat sleeps.\n2,The trophy does not fit.\n")
    (folder / "photos").mkdir()
    shutil.copy(COFFEE, folder / "photos")
    shutil.copy(COFFEE.with_name("chelsea.jpg"), folder / "cat.jpg")
    write_folder("BERT", folder / "my-classifier")
    random_recording(num_layers=6, num_heads=12).save(folder / "other.safetensors")


def test_the_help_is_quick_and_imports_nothing_heavy() -> None:
    code = "import sys\nfrom headlens.viz.cli.program import exit_code\nexit_code(['--help'])\n"
    code += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / ".src", capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "typer" in loaded
    assert not loaded & {"torch", "numpy", "streamlit", "transformers", "PIL", "tokenizers", "plotly"}
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*MAIN, "--help"], cwd=ROOT / ".src", capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.4  # of a processor: other tests run beside it


def test_it_says_its_version(headlens: Headlens) -> None:
    assert headlens("--version") == (0, f"headlens {__version__}\n", "")


def test_the_help_names_all_commands_and_exit_codes(headlens: Headlens) -> None:
    code, text, err = headlens("--help")
    assert (code, err) == (0, "")
    assert re.findall(r"^  (\w+)  +\w", text, re.MULTILINE)[-len(COMMANDS) :] == list(COMMANDS)
    assert "..." not in text.partition("Commands:")[2]  # no first sentence is cut
    assert "130, Ctrl-C" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_two_examples(headlens: Headlens, command: str) -> None:
    code, text, _ = headlens(command, "--help")
    examples = examples_of(text)
    assert code == 0
    assert len(examples) >= 2
    assert all(example.startswith(f"headlens {command}") for example in examples)


def examples(slow: bool) -> list[list[str]]:
    return [
        shlex.split(example)[1:]
        for name in program.EXAMPLES.values()
        for example in name
        if (SLOW in example) == slow and "headlens app" not in example
    ]


@pytest.mark.parametrize("some", [examples(False), pytest.param(examples(True), marks=pytest.mark.slow)])
def test_the_examples_run(
    headlens: Headlens, some: Sequence[Sequence[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ready(tmp_path)
    for example in some:
        code, _, err = headlens(*example)
        assert code == 0, (example, err)
        if "--out" in example:
            assert (tmp_path / example[example.index("--out") + 1]).exists()
    assert len(some) >= 2


def test_the_examples_of_the_app_start_it(headlens: Headlens, monkeypatch: pytest.MonkeyPatch) -> None:
    started = list[dict[str, object]]()
    monkeypatch.setattr(app, "start_app", started.append)
    for example in program.EXAMPLES[app.app]:
        assert headlens(*shlex.split(example)[1:]).code == 0
    assert [options["server.port"] for options in started] == [8501, 8600]
    assert [options["server.address"] for options in started] == ["127.0.0.1"] * 2
    assert "headlens.example.com" in str(started[1]["server.allowedHosts"])


@pytest.fixture
def here(tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recording, a pickle, a CSV, a photo and a file of no text."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(saved, tmp_path)
    shutil.copy(COFFEE, tmp_path)
    torch.save({"layers": torch.zeros(3)}, tmp_path / "pickle.safetensors")
    (tmp_path / "table.csv").write_text("id,review\n1,A cat.\n")
    (tmp_path / "latin.txt").write_bytes("Straße".encode("latin-1"))
    (tmp_path / "empty").mkdir()
    return tmp_path


WEIGHTS = "export trophy.safetensors --out weights.csv"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Missing command"),
        ("figur", "No such command 'figur', did you mean 'figure'"),
        ("build reviews.csv", "No such command 'build'; see headlens --help"),
        ("atlas figure", "No such command 'figure'; see headlens atlas --help"),
        ("record cat --out out --colour red", "No such option: --colour"),
        ("record cat", "Missing option '--out'"),
        ("record --out out", "There is no input"),
        ("record cat --model nothing --out out", "There is no model 'nothing'"),
        ("record cat --device tpu --out out", "device must be auto, cuda, mps or cpu"),
        ("record @missing.txt --out out", "There is no file 'missing.txt'"),
        ("record --file missing.txt --out out", "There is no file 'missing.txt'"),
        ("record @latin.txt --out out", "no text in UTF-8"),
        ("record latin.txt --out out", "write @latin.txt"),
        ("record table.csv --column text --out out", "its columns are 'id', 'review'"),
        ("record @table.csv --out out", "say with --column"),
        ("record empty --out out", "no photo or sound in the folder 'empty'"),
        ("record one two --out one.safetensors", "there are 2 inputs"),
        ("record cat coffee.jpg --out out", "two commands"),
        ("record cat --out table.csv", "There can be no folder 'table.csv'"),
        ("record coffee.jpg --model minilm-l6 --out out", "minilm-l6 reads texts"),
        ("record cat --model dinov2-focus --out out", "dinov2-focus reads photos"),
        ("record cat --size 224 --out out", "--size is of photos"),
        ("record coffee.jpg --size big --out out", "no size"),
        ("record cat --model minilm-l6 --write 3 --out out", "minilm-l6 does not write"),
        (f"{WEIGHTS} --layer 6", "There is no layer 6; this recording has layer 0 to 5"),
        (f"{WEIGHTS} --layer -1", "There is no layer -1"),
        (f"{WEIGHTS} --layer 0 --head 12", "There is no head 12"),
        (f"{WEIGHTS} --layer x", "'--layer'"),
        (WEIGHTS, "give --layer"),
        ("export trophy.safetensors --out weights.txt", "should end with .npz or .csv"),
        ("export trophy.safetensors --out no/weights.npz", "There is no folder 'no'"),
        ("export trophy.safetensors --stage cross --out weights.npz", "There is no stage 'cross'"),
        ("export pickle.safetensors --out weights.npz", "'pickle.safetensors' is damaged"),
        ("export missing.safetensors --out weights.npz", "There is no file 'missing.safetensors'"),
        ("figure heatmap pickle.safetensors --out figure.svg", "'pickle.safetensors' is damaged"),
        ("figure heatmap trophy.safetensors --query 99 --out figure.svg", "There is no query 99"),
        ("figure heatmap trophy.safetensors --out figure.pdf", "should end with .svg or .png"),
        ("figure pie trophy.safetensors --out figure.svg", "'KIND'"),
        ("figure overlay trophy.safetensors --out figure.svg", "recording is of"),
        ("models nothing", "There is no model or folder 'nothing'"),
        ("explain cat --method magic --target similarity --other dog", "“magic” is no method"),
        ("explain cat --target next", "cannot be asked about here"),
        ("explain cat --target similarity", "Give the sentence"),
        ("explain coffee.jpg --region all", "no region"),
        ("heads cat --stage cross --target movement", "no stage “cross”"),
        ("heads cat --out effects.txt", "should end with .csv"),
        ("compare cat coffee.jpg", "give two texts or two photos"),
        ("compare cat dog --layer 3", "give both --layer and --head"),
        ("compare cat dog --layer 6 --head 0", "There is no layer 6"),
        ("compare trophy.safetensors missing.safetensors", "There is no file 'missing.safetensors'"),
        ("compare trophy.safetensors pickle.safetensors", "'pickle.safetensors' is damaged"),
        ("compare trophy.safetensors cat --stage cross", "There is no stage 'cross'"),
        ("compare cat @latin.txt", "no text in UTF-8"),
        ("compare cat dog --out heads.txt", "should end with .csv or .json"),
        ("compare cat dog --model nothing", "There is no model 'nothing'"),
    ],
)
def test_what_cannot_be_taken_is_one_sentence_and_2(headlens: Headlens, here: Path, line: str, words: str) -> None:
    before = names_in(here)
    code, out, err = headlens(*shlex.split(line))
    assert (code, out) == (2, ""), err
    assert words in err
    assert re.fullmatch(r"headlens: [^\n]+\.\n", err)
    assert not re.search(r"Traceback|Error\b|[.!?] [A-Z]", err)
    assert names_in(here) - before <= {"out"}  # a folder at most


def test_a_fault_of_its_own_is_one_sentence_and_1(headlens: Headlens, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("x")

    monkeypatch.setattr("headlens.model.list_models", fail)
    assert headlens("models") == (
        1,
        "",
        "headlens: Headlens itself failed (KeyError: 'x'); HEADLENS_DEBUG=1 shows where.\n",
    )
    monkeypatch.setenv(program.DEBUG, "1")
    with pytest.raises(KeyError):
        headlens("models")


def test_main_exits_with_the_code() -> None:
    with pytest.raises(SystemExit) as exited:
        main(["--nothing"])
    assert exited.value.code == 2


def test_a_reader_that_leaves_early_hears_nothing(tmp_path: Path) -> None:
    """As in `headlens models | head -0`."""
    process = start("models", folder=tmp_path)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert finish(process)[2] == ""
    assert process.returncode == 1


def unread(pipe: IO[str]) -> int:
    """Bytes that were written into a pipe and not yet read out of it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_ctrl_c_before_anything_is_done(tmp_path: Path) -> None:
    process = start("record", "-", "--out", "out", folder=tmp_path)
    assert process.stdin is not None
    process.stdin.write("A cat.\n")
    process.stdin.flush()
    until = time.monotonic() + 60
    while unread(process.stdin) and time.monotonic() < until:
        time.sleep(0.01)
    assert process.poll() is None  # it waits for the rest
    process.send_signal(signal.SIGINT)
    code, out, err = finish(process)
    assert (code, out) == (130, "")
    assert "Traceback" not in err
    assert names_in(tmp_path) == set()
