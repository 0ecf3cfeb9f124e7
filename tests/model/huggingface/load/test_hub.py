"""Checkpoints of the Hub: without a network, out of its cache, and what its answers become."""

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
from huggingface_hub.utils import filter_repo_objects

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load import hub
from tests.sentences import is_one_sentence

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody answers
    return tmp_path


def test_nobody_answers(cache: Path) -> None:
    with pytest.raises(CheckpointError, match="the Hugging Face Hub cannot be reached") as refused:
        load_model("organisation/name")
    assert is_one_sentence(refused.value)


def test_what_was_downloaded_before_needs_no_network(cache: Path, folder_of: Callable[[str], Path]) -> None:
    repository = cache / "models--organisation--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    for path in folder_of("BERT").iterdir():
        (snapshot / path.name).symlink_to(path)
    model = load_model("organisation/name", device="cpu")
    assert model.description.name == "organisation/name"
    assert model.num_layers == 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (GatedRepoError, "put your token into the variable HF_TOKEN"),
        (RepositoryNotFoundError, "There is no model organisation/name on the Hugging Face Hub"),
        (HFValidationError, "is no id of the Hugging Face Hub"),
    ],
)
def test_what_the_hub_refuses_is_a_sentence(kind: type[Exception], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object, **named: object) -> str:
        raise kind.__new__(kind, "no")

    monkeypatch.setattr(hub, "snapshot_download", refuse)
    with pytest.raises(CheckpointError, match=words) as refused:
        hub.download("organisation/name")
    assert is_one_sentence(refused.value)


def test_what_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def note(name: str, *, allow_patterns: list[str], **options: object) -> str:
        asked.append(allow_patterns)
        return name

    monkeypatch.setattr(hub, "snapshot_download", note)
    hub.download("organisation/name")
    files = [
        "config.json",
        "model.safetensors",
        "spiece.model",
        "chat_template.jinja",
        "additional_chat_templates/rag.jinja",
    ]
    never = ["pytorch_model.bin", "modeling_own.py", "model.gguf"]
    assert list(filter_repo_objects([*files, *never], allow_patterns=asked[0])) == files


def test_bytes_are_heard_and_leaving_stops_it() -> None:
    calls: list[tuple[int, int]] = []
    bar = hub._reporting_bar(lambda done, total: calls.append((done, total)))(total=100, unit="B")
    bar.update(40)
    assert calls == [(40, 100)]

    def leave(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        hub._reporting_bar(leave)(total=100, unit="B").update(1)
