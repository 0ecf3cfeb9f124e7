"""Folders of small models, written once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.model.huggingface.text_models import write_folder


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a family's small model."""
    root, written = tmp_path_factory.mktemp("families"), dict[str, Path]()

    def find(family: str) -> Path:
        if family not in written:
            written[family] = write_folder(family, root / f"model {len(written)}")
        return written[family]

    return find
