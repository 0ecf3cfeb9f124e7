"""A runtime in a script: no page, and no Streamlit."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from headlens.model.errors import CheckpointError, DeviceError, InputError
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.model.runtime import opening
from headlens.model.runtime.folders import FOLDERS
from headlens.model.runtime.recordings import Visitor
from headlens.model.runtime.runtime import Request, Runtime, ignore
from tests.paths import ROOT
from tests.recordings import random_recording

MODEL = "minilm-l6"

SCRIPT = """
import sys, threading
from headlens.model.runtime.recordings import Visitor
from headlens.model.runtime.runtime import Request, Runtime

runtime = Runtime(parallel=1, device="cpu")
one, other = Visitor(), Visitor()
layers, entries = [], {}

def work(text, visitor):
    run = lambda on_layer: runtime.model("minilm-l6").record(text, on_layer=on_layer)
    request = Request(runtime.request_id("minilm-l6", (text.encode(),)), "minilm-l6", run)
    entries[text] = runtime.record(request, visitor, on_layer=layers.append)

threads = [threading.Thread(target=work, args=pair) for pair in {"A cat sits.": one, "A dog ran away.": other}.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(layers) == sorted([*range(6)] * 2), layers
assert len(runtime.recordings) == 2
assert abs(float(entries["A cat sits."].recording.attention(5, 3).sum(axis=-1).max()) - 1) < 1e-5
runtime.recordings.forget(one)
assert len(runtime.recordings) == 1
assert runtime.held_model("minilm-l6") is not None

small = Runtime(recordings_limit=1, device="cpu")
for number, entry in enumerate(entries.values()):
    small.recordings.put(str(number), entry.recording, None)
assert len(small.recordings) == 1
print(*(name for name in ("streamlit", "headlens.viz", "transformers") if name in sys.modules))
"""


def test_a_script_loads_records_drops_and_forgets() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.strip()) == (0, ""), ran.stderr


@pytest.fixture
def runtime() -> Runtime:
    return Runtime(recordings_limit=10**9, models_limit=10**9, parallel=1, device="cpu")


def request_of(runtime: Runtime, content: bytes, run: Callable[[OnLayer], Recording], sample: bool = False) -> Request:
    return Request(runtime.request_id(MODEL, (content,)), MODEL, run, sample)


def never(on_layer: OnLayer) -> Recording:
    raise AssertionError("run although it is kept")


def test_what_is_kept_is_not_run_again(runtime: Runtime) -> None:
    recording = random_recording()
    made = runtime.record(request_of(runtime, b"a", lambda on_layer: recording))
    assert made.recording is recording
    assert runtime.record(request_of(runtime, b"a", never)) is made
    assert runtime.held_entry(request_of(runtime, b"b", never)) is None


def test_the_model_is_loaded_before_a_turn_is_taken(runtime: Runtime) -> None:
    seen = list[bool]()

    def run(on_layer: OnLayer) -> Recording:
        seen.append(runtime.held_model(MODEL) is not None)
        return random_recording()

    runtime.record(request_of(runtime, b"a", run))
    assert seen == [True]


def test_who_waits_for_the_same_input_gets_what_was_made_meanwhile(runtime: Runtime) -> None:
    begun, go_on, waited = threading.Event(), threading.Event(), list[int]()

    def run(on_layer: OnLayer) -> Recording:
        begun.set()
        assert go_on.wait(20)
        return random_recording()

    def wait(before: int) -> None:
        waited.append(before)
        go_on.set()

    first = threading.Thread(target=lambda: runtime.record(request_of(runtime, b"a", run)))
    first.start()
    assert begun.wait(20)
    entry = runtime.record(request_of(runtime, b"a", never), on_wait=wait)
    first.join(20)
    assert set(waited) == {1}
    assert runtime.held_entry(request_of(runtime, b"a", never)) is entry


def test_a_run_that_is_stopped_leaves_nothing_and_gives_its_turn_back(runtime: Runtime) -> None:
    def run(on_layer: OnLayer) -> Recording:
        on_layer(3)
        raise AssertionError("not stopped")

    def stop(layer: int) -> None:
        raise InterruptedError(layer)

    with pytest.raises(InterruptedError, match="3"):
        runtime.record(request_of(runtime, b"a", run), on_layer=stop)
    assert len(runtime.recordings) == len(runtime.queue) == 0


def test_a_sample_is_everybodys(runtime: Runtime) -> None:
    visitor = Visitor()
    runtime.record(request_of(runtime, b"own", lambda on_layer: random_recording()), visitor)
    runtime.record(request_of(runtime, b"sample", lambda on_layer: random_recording(), sample=True), visitor)
    runtime.recordings.forget(visitor)
    assert runtime.held_entry(request_of(runtime, b"own", never)) is None
    assert runtime.held_entry(request_of(runtime, b"sample", never)) is not None


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError):
        Runtime(device="tpu")


def test_a_folder_is_opened_where_it_is_allowed(
    runtime: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path / "allowed"))
    folder = tmp_path / "allowed" / "mine"
    folder.mkdir(parents=True)
    with pytest.raises(CheckpointError):  # it is empty
        runtime.model(str(folder))
    with pytest.raises(InputError):
        runtime.model(str(tmp_path))
    with pytest.raises(InputError):
        opening.load(str(tmp_path), runtime.device, ignore)
    assert opening.is_hub("some/model")
    assert not opening.is_hub(str(folder))
    before = opening.identity(str(folder))
    (folder / "config.json").write_text("{}")
    assert opening.identity(str(folder)) != before


class Download:
    """In place of the Hub's: it tells bytes until it is stopped, or has told enough."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.times, self.stopped, self.weights = times, threading.Event(), True
        monkeypatch.setattr(opening, "LOOK_AGAIN", 0.01)
        monkeypatch.setattr("headlens.model.huggingface.load.hub.download", self)

    def __call__(self, name: str, on_bytes: Callable[[int, int], object], weights: bool) -> Path:
        self.weights = weights
        try:
            for turn in range(self.times):
                on_bytes(turn, self.times)
                self.stopped.wait(0.001)
        except InterruptedError as error:
            self.stopped.set()
            raise CheckpointError("It could not be downloaded.") from error
        if name == "no/model":
            raise CheckpointError("There is no such model.")
        return Path(name)


def test_a_download_tells_its_bytes_and_can_be_stopped(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    download, told = Download(monkeypatch, 100), list[tuple[int, int]]()
    assert runtime.fetch("some/model", lambda *progress: told.append(progress), weights=False) == Path("some/model")
    assert told[-1][1] == 100
    assert told == sorted(told)
    assert not download.weights
    with pytest.raises(CheckpointError, match="no such"):
        runtime.fetch("no/model")
    download = Download(monkeypatch, 10**6)

    def stop(now: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runtime.fetch("some/model", stop)
    assert download.stopped.wait(20)
