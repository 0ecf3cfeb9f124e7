"""Data sets in files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.model.atlas.data_sets import sentences


@pytest.fixture
def text_file(tmp_path: Path) -> Callable[[int], Path]:
    """Writes a file of so many sentences."""

    def write(count: int) -> Path:
        path = tmp_path / "texts.txt"
        path.write_text("\n".join(sentences(count)), encoding="utf-8")
        return path

    return write
