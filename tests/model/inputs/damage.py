"""Small image files of every format that is read, and ways to damage any file."""

import os
import secrets
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from PIL import Image, features

from tests.model.inputs.pictures import as_file, png_chunk
from tests.paths import SAMPLES

EDGES = (0, 1, 2, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # where numbers turn over
PNG = b"\x89PNG\r\n\x1a\n"


def seed_of_this_run() -> str:
    """HEADLENS_SEED where it is set, to make a failure again; otherwise another one each time."""
    return os.environ.get("HEADLENS_SEED") or secrets.token_hex(4)


def small_files() -> dict[str, bytes]:
    """The sample photos, a thumbnail each, in every format and many of its kinds."""
    photos = [Image.open(path).resize((40, 28)) for path in sorted(SAMPLES.glob("*.jpg"))]
    photo, others = photos[0], photos[1:]
    grey, palette = photo.convert("L"), photo.quantize(16)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    hole = photo.copy()
    hole.putalpha(grey)
    frames: dict[str, Any] = {"save_all": True, "append_images": others}
    files = {
        "many tiff": as_file(photo, "TIFF", **frames),  # first: Pillow cannot once a photo was saved as JPEG
        "jpeg": as_file(photo, "JPEG", exif=exif, icc_profile=b"profile" * 9, comment=b"words"),
        "progressive jpeg": as_file(others[0], "JPEG", progressive=True, quality=40),
        "cmyk jpeg": as_file(photo.convert("CMYK"), "JPEG"),
        "grey jpeg": as_file(grey, "JPEG"),
        "mpo": as_file(photo, "MPO", **frames),
        "png": as_file(photo, exif=exif, icc_profile=b"profile" * 9, transparency=(9, 8, 7)),
        "transparent png": as_file(hole),
        "palette png": as_file(palette, transparency=bytes(range(16))),
        "16-bit png": as_file(grey.convert("I;16")),
        "one-bit png": as_file(grey.convert("1")),
        "animated png": as_file(photo, **frames),
        "webp": as_file(others[1], "WEBP", exif=exif),
        "lossless webp": as_file(hole, "WEBP", lossless=True),
        "animated webp": as_file(photo, "WEBP", **frames),
        "gif": as_file(palette, "GIF", transparency=3, comment=b"words"),
        "animated gif": as_file(photo, "GIF", **frames),
        "bmp": as_file(photo, "BMP"),
        "palette bmp": as_file(palette, "BMP"),
        "transparent bmp": as_file(hole, "BMP"),
        "float tiff": as_file(grey.convert("F"), "TIFF"),
        "32-bit tiff": as_file(grey.convert("I"), "TIFF"),
        "16-bit tiff": as_file(grey.convert("I;16"), "TIFF", compression="tiff_adobe_deflate"),
        "cmyk tiff": as_file(photo.convert("CMYK"), "TIFF"),
        "transparent tiff": as_file(hole, "TIFF", exif=exif),
        "fax tiff": as_file(grey.convert("1"), "TIFF", compression="group4"),
        "lab tiff": as_file(Image.new("LAB", (20, 14)), "TIFF"),
        "big tiff": as_file(photo, "TIFF", big_tiff=True, exif=exif),
    }
    for compression in ("jpeg", "tiff_lzw", "packbits", "zstd", "lzma"):
        files[f"{compression} tiff"] = as_file(others[2], "TIFF", compression=compression)
    if features.check("avif"):
        files["avif"] = as_file(hole, "AVIF", exif=exif, speed=10)
        files["animated avif"] = as_file(photo, "AVIF", speed=10, **frames)
    return files


def variants(files: dict[str, bytes], seed: str) -> Iterator[tuple[str, bytes]]:
    """Damaged copies without end, the files taken in turn; the same for the same seed."""
    names = sorted(files)
    number = 0
    while True:
        random = Random(f"{seed} {number}")  # each can be made again alone
        name = names[number % len(names)]
        yield f"{name}, variant {number}", damaged(files[name], random)
        number += 1


def damaged(content: bytes, random: Random) -> bytes:
    """One to three kinds of damage to a file; a PNG's checksums are put right again half of the time."""
    for _ in range(random.randint(1, 3)):
        content = random.choice(DAMAGES)(content, random)
    if content.startswith(PNG) and random.random() < 0.5:
        content = PNG + b"".join(png_chunk(part[4:8], part[8:-4]) for part in _parts(content)[1:])
    return content


def _place(content: bytes, random: Random) -> int:
    """Anywhere, half of the time near the start, where the headers are."""
    return random.randrange(max(1, min(len(content), random.choice((200, len(content))))))


def _flip_bits(content: bytes, random: Random) -> bytes:
    flipped = bytearray(content)
    for _ in range(random.randint(1, 8) if flipped else 0):
        flipped[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(flipped)


def _overwrite(content: bytes, random: Random) -> bytes:
    place, length = _place(content, random), random.randint(1, 40)
    run = random.choice((bytes(length), b"\xff" * length, random.randbytes(length)))
    return content[:place] + run + content[place + length :]


def _change_number(content: bytes, random: Random) -> bytes:
    """Two or four bytes, either end first: dimensions, lengths, counts and offsets are such numbers."""
    place, size = _place(content, random), random.choice((2, 4))
    number = random.choice(EDGES) % (1 << 8 * size)
    return content[:place] + number.to_bytes(size, random.choice(("big", "little"))) + content[place + size :]


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _delete_run(content: bytes, random: Random) -> bytes:
    place = _place(content, random)
    return content[:place] + content[place + random.randint(1, 40) :]


def _double_run(content: bytes, random: Random) -> bytes:
    place, length = _place(content, random), random.randint(1, 400)
    return content[: place + length] * random.choice((1, 1, 30)) + content[place:]


def _shuffle(content: bytes, random: Random) -> bytes:
    """A part doubled, dropped or replaced by another one."""
    parts = _parts(content)
    if not parts:
        return content
    first, second = random.randrange(len(parts)), random.randrange(len(parts))
    parts[first] = random.choice((b"", parts[first] * 2, parts[second]))
    return b"".join(parts)


def _parts(content: bytes) -> list[bytes]:
    """The signature and the chunks of a PNG, with their lengths and checksums; blocks of another file."""
    if not content.startswith(PNG):
        return [content[place : place + 64] for place in range(0, len(content), 64)]
    parts, place = [PNG], len(PNG)
    while place < len(content):
        end = place + 12 + int.from_bytes(content[place : place + 4], "big")
        parts.append(content[place:end])
        place = end
    return parts


DAMAGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip_bits,
    _overwrite,
    _change_number,
    _truncate,
    _delete_run,
    _double_run,
    _shuffle,
)
