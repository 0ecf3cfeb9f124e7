"""How often the models really run."""

from typing import Any

import pytest

from headlens.model.loaded import ImageModel, TextModel
from headlens.viz.panels import recorder


def count(monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> list[Any]:
    """The inputs on which models of a kind run from now on; nothing is kept from before."""
    recorder._store.clear()
    runs: list[Any] = []
    record = kind.record

    def counted(self: Any, given: Any, *arguments: Any, **options: Any) -> Any:
        runs.append(given)
        return record(self, given, *arguments, **options)

    monkeypatch.setattr(kind, "record", counted)
    return runs


@pytest.fixture
def text_runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Texts that the text model runs on."""
    return count(monkeypatch, TextModel)


@pytest.fixture
def image_runs(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Photos that the image model runs on."""
    return count(monkeypatch, ImageModel)
