"""Files made to take a decoder's time or memory: refused, or read for little of either."""

import os
import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headlens.model.errors import InputError
from headlens.model.inputs.decode_limits import MAX_PIECES, MAX_SCANS, MAX_SEGMENTS
from headlens.model.inputs.image_file import MAX_BYTES, open_image
from tests.model.inputs.pictures import as_file, noise, png_chunk
from tests.sentences import is_one_sentence

SMALL = Image.new("RGB", (16, 16))
PNG, JPEG = as_file(SMALL), as_file(SMALL, "JPEG")
HEADER = 33  # of a PNG: signature and IHDR


def refusal(source: bytes | Path) -> str:
    """Within a second of computing and 50 MB."""
    tracemalloc.start()
    started = time.thread_time()
    with pytest.raises(InputError) as caught:
        open_image(source)
    assert time.thread_time() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert is_one_sentence(caught.value)
    return str(caught.value)


def gif_of_a_frame(width: int, height: int, frames: int) -> bytes:
    """It says that it is 16 x 16, and each of its frames that it is larger."""
    gif = bytearray(as_file(SMALL, "GIF"))
    frame = gif.index(b",")
    gif[frame + 5 : frame + 9] = struct.pack("<HH", width, height)
    return bytes(gif[:-1] + gif[frame:-1] * (frames - 1) + gif[-1:])


def tiff(width: int, height: int, pieces: int = 1, big: bool = False) -> bytes:
    """Grey, uncompressed, one row a strip, each strip the same 256 bytes."""
    entry, start = ("<HHQQ", 16) if big else ("<HHII", 8)
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: None, 277: 1, 278: 1}
    end = start + len(tags) * struct.calcsize(entry) + (16 if big else 6)
    rows = [struct.pack(entry, tag, 4, *((pieces, end) if n is None else (1, n))) for tag, n in tags.items()]
    count, following = (struct.pack("<Q", len(tags)), bytes(8)) if big else (struct.pack("<H", len(tags)), bytes(4))
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    return head + count + b"".join(rows) + following + struct.pack("<I", end) * pieces + bytes(256)


def jpeg_with(segment: bytes, count: int) -> bytes:
    return JPEG[:2] + (b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment) * count + JPEG[2:]


def progressive(scans: int) -> bytes:
    """The last scan, which corrects the last bits of every pixel, time and again."""
    jpeg = as_file(noise(64, 64), "JPEG", progressive=True)
    return jpeg[:-2] + jpeg[jpeg.rindex(b"\xff\xda") : -2] * scans + jpeg[-2:]


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8_000, 6_000)])
def test_frames_larger_than_their_gif(width: int, height: int, frames: int) -> None:
    assert "more than 40 million" in refusal(gif_of_a_frame(width, height, frames))


@pytest.mark.parametrize("big", [False, True])
def test_the_first_of_several_tiffs_is_the_one_that_counts(big: bool) -> None:
    assert "more than 40 million" in refusal(tiff(30_000, 30_000, big=big))
    both = as_file(SMALL, "TIFF", save_all=True, append_images=[Image.new("1", (7000, 6000))])
    assert open_image(both).size == (16, 16)


def test_an_animated_png_of_many_pixels() -> None:
    frames = [Image.new("1", (7000, 6000), n) for n in (0, 1)]
    assert "7000 x 6000" in refusal(as_file(frames[0], save_all=True, append_images=frames[1:]))


@pytest.mark.parametrize(
    ("name", "before"),
    [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")],
    ids=["zTXt", "iTXt", "iCCP"],
)
def test_metadata_that_unpack_to_a_hundred_megabytes(name: bytes, before: bytes) -> None:
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(bytes(10**7)) for _ in range(10)) + packer.flush()
    refusal(PNG[:HEADER] + png_chunk(name, before + packed) + PNG[HEADER:])


def test_many_texts_that_unpack_to_a_megabyte_each() -> None:
    packed = zlib.compress(bytes(10**6))
    texts = b"".join(png_chunk(b"zTXt", b"%d\0\0" % number + packed) for number in range(200))
    tracemalloc.start()
    with pytest.raises(InputError):
        open_image(PNG[:HEADER] + texts + PNG[HEADER:])
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("name", [b"eXIf", b"tEXt", b"prVt"])
def test_metadata_of_twenty_megabytes_are_only_skipped(name: bytes) -> None:
    started = time.thread_time()
    content = b"II*\0\x08\0\0\0" + bytes(20_000_000)
    assert open_image(PNG[:HEADER] + png_chunk(name, content) + PNG[HEADER:]).size == (16, 16)
    assert time.thread_time() - started < 1


def test_pixels_that_unpack_to_more_than_the_image() -> None:
    packed = zlib.compress(bytes(10**8))
    started = time.thread_time()
    assert open_image(PNG[:HEADER] + png_chunk(b"IDAT", packed) + PNG[-12:]).size == (16, 16)
    assert time.thread_time() - started < 1


def test_a_jpeg_of_many_segments() -> None:
    message = "more than 1,000 segments or 200 scans"
    for segment in (b"Exif\0\0" + b"x" * 990, b"", b"x"):
        assert message in refusal(jpeg_with(segment, 25_000))
        assert open_image(jpeg_with(segment, MAX_SEGMENTS - 20)).size == (16, 16)
    assert message in refusal(progressive(MAX_SCANS))
    assert open_image(progressive(MAX_SCANS - 20)).size == (64, 64)


def test_what_looks_like_segments_inside_or_behind_a_jpeg_is_none() -> None:
    thumbnail = (b"\xff\xda\0\0" + b"\xff\xe1\0\2") * 8_000
    assert open_image(jpeg_with(thumbnail, 1)).size == (16, 16)
    assert open_image(JPEG + bytes(2) + thumbnail).size == (16, 16)  # a phone's moving photo is followed by a video


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_in_many_pieces(big: bool) -> None:
    assert "more than 200,000 pieces" in refusal(tiff(16, 16, MAX_PIECES + 1, big))
    assert open_image(tiff(16, 16, 16, big)).size == (16, 16)


@pytest.mark.parametrize("mode", ["F", "I", "I;16", "I;16B"])
def test_numbers_of_forty_million_pixels_take_little_memory(mode: str) -> None:
    image = Image.new(mode, (8000, 5000))
    tracemalloc.start()
    open_image(image)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000  # as float64 they would be 320 million bytes
    tracemalloc.stop()


def test_numbers_are_scaled_alike_in_every_band() -> None:
    numbers = np.linspace(-5, 5, 2000 * 1500, dtype=np.float32).reshape(1500, 2000)
    expected = np.rint((numbers.astype(np.float64) + 5) / 10 * 255).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(open_image(Image.fromarray(numbers)))[..., 2], expected)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loose.png").symlink_to(tmp_path / "nothing")
    names = ("pipe.png", "loose.png", "a\0b", "a\nb", "x" * 5000, "\udcff")
    for path in (Path("/dev/zero"), *(tmp_path / name for name in names)):
        assert "There is no image file" in refusal(path)


def test_a_file_too_large_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "large.webp"
    path.write_bytes(b"RIFF\0\0\0\0WEBP")
    os.truncate(path, 10**12)  # none of it on the disk
    for source in (path, bytes(MAX_BYTES + 1)):
        with pytest.raises(InputError, match=f"larger than {MAX_BYTES // 10**6} MB; save"):
            open_image(source)
