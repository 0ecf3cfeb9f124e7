"""Refuses small files that would keep a decoder busy for minutes, or fill the memory, before one sees them."""

import re
from typing import Literal

from headlens.model.errors import InputError

MAX_SEGMENTS = 1_000  # of a JPEG; 64 MB of metadata fit into so many, and a decoder joins them in quadratic time
MAX_SCANS = 200  # of a JPEG; an encoder makes about ten, and each passes over every pixel
MAX_PIECES = 200_000  # strips or tiles of a TIFF; 40 million pixels in tiles of 16 x 16 are 156,250

SEGMENT = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")  # a JPEG's markers, without those that have no length
SCAN, END = b"\xff\xda", b"\xff\xd9"
STRIP_OFFSETS, TILE_OFFSETS = 273, 324  # tags of a TIFF


def check_limits(data: bytes) -> None:
    """Raises InputError for a file whose structure is out of bounds; says nothing of one that is damaged."""
    if data.startswith(b"\xff\xd8"):
        _check_jpeg(data)
    elif data.startswith((b"II", b"MM")):
        _check_tiff(data)


def _check_jpeg(data: bytes) -> None:
    offset, segments, scans = 2, 0, 0
    while (marker := SEGMENT.search(data, offset)) and marker[0] != END:
        if marker[0] == SCAN:
            scans += 1
        else:
            segments += 1
        if segments > MAX_SEGMENTS or scans > MAX_SCANS:
            raise InputError(
                f"This JPEG has more than {MAX_SEGMENTS:,} segments or {MAX_SCANS} scans; save it again as PNG."
            )
        length = int.from_bytes(data[marker.end() : marker.end() + 2], "big")
        offset = marker.end() + length


def _check_tiff(data: bytes) -> None:
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"

    def integer(offset: int, size: int) -> int:
        return int.from_bytes(data[offset : offset + size], order)

    big = integer(2, 2) == 43  # BigTIFF: 8 bytes for what takes 4
    directory = integer(8, 8) if big else integer(4, 4)
    entries, size, width = (directory + 8, 20, 8) if big else (directory + 2, 12, 4)
    count = min(integer(directory, entries - directory), 2**16)
    for entry in range(entries, entries + size * count, size):
        if integer(entry, 2) in (STRIP_OFFSETS, TILE_OFFSETS) and integer(entry + 4, width) > MAX_PIECES:
            raise InputError(f"This TIFF is cut into more than {MAX_PIECES:,} pieces; save it again as PNG.")
