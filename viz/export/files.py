"""Exports as files."""

from pathlib import Path

from headlens.model.recording.whole import whole_file


def write_whole(path: str | Path, data: bytes) -> None:
    """Write a file that appears whole or not at all. Raises OSError where that cannot be."""
    with whole_file(Path(path)) as part, part.open("wb") as file:
        file.write(data)
