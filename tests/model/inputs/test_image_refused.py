"""Images that are out of bounds or none at all: an InputError that says what to do, in one sentence."""

import re
import time
from pathlib import Path

import pytest
from PIL import Image

from headlens.model.errors import InputError
from headlens.model.inputs.image import Size, open_image, read_image
from headlens.model.inputs.image_file import ImageSource
from headlens.model.pretrained.image_model import EncoderImageModel
from tests.model.inputs.pictures import as_file, noise, png_without_pixels
from tests.sentences import is_one_sentence


def refusal(source: ImageSource, size: Size = 448) -> str:
    with pytest.raises(InputError) as caught:
        read_image(source, 14, size)
    assert is_one_sentence(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("size", [223, 1037, 0, -448, "big", 448.0, None, True])
def test_size_out_of_bounds(size: Size) -> None:
    message = refusal(Image.new("RGB", (20, 20)), size)
    assert "from 224 to 1036" in message
    assert repr(size) in message


@pytest.mark.parametrize(("width", "height", "size"), [(400, 100, 1036), (170, 100, 983), (100, 210, 887)])
def test_too_many_patches_name_the_largest_size_that_works(width: int, height: int, size: int) -> None:
    photo = Image.new("RGB", (width, height))
    message = refusal(photo, size)
    fitting = re.search(r"(\d+) pixels would do", message)
    assert fitting is not None
    rows, columns = read_image(photo, 14, int(fitting[1])).photo.grid
    assert rows * columns <= 8300
    assert f"more than 8,300; {fitting[1]} " in refusal(photo, int(fitting[1]) + 14)


@pytest.mark.parametrize(("width", "height"), [(401, 100), (100, 401), (5, 1), (5000, 10)])
def test_more_than_four_times_as_long_as_wide(width: int, height: int) -> None:
    assert f"{width} x {height}" in refusal(as_file(Image.new("RGB", (width, height))))


def test_one_pixel_is_enough() -> None:
    assert read_image(as_file(Image.new("RGB", (1, 1))), 14).photo.grid == (32, 32)


@pytest.mark.parametrize(("width", "height"), [(8000, 5001), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_are_refused_before_they_are_decoded(width: int, height: int) -> None:
    started = time.perf_counter()
    assert "more than 40 million" in refusal(png_without_pixels(width, height))
    assert time.perf_counter() - started < 1


def test_a_tenth_of_a_kilobyte_a_megapixel_is_no_way_in() -> None:
    """A real one-bit image of 5 kB and 42 million pixels."""
    bomb = Image.new("1", (7000, 6000))
    assert len(as_file(bomb)) < 10_000
    assert "7000 x 6000" in refusal(as_file(bomb))
    assert "7000 x 6000" in refusal(bomb)


def test_no_pixels() -> None:
    assert "0 x 5" in refusal(Image.new("RGB", (0, 5)))
    assert "0 x 5" in refusal(Image.new("F", (0, 5)))


def test_a_model_refuses_in_the_same_words(dinov2: EncoderImageModel) -> None:
    for source in (b"", png_without_pixels(30_000, 30_000), Image.new("RGB", (5, 1))):
        with pytest.raises(ValueError, match="image") as caught:
            dinov2.record(source)
        assert str(caught.value) == refusal(source)


def test_forty_million_pixels_are_read() -> None:
    assert open_image(Image.new("L", (8000, 5000))).size == (8000, 5000)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'
NOT_IMAGES = {
    "nothing": b"",
    "text": b"These are words.",
    "svg": SVG,
    "eps": as_file(noise(20, 20), "EPS"),
    "pdf": as_file(noise(20, 20), "PDF"),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
    "png signature alone": b"\x89PNG\r\n\x1a\n",
    "half a jpeg": as_file(noise(200, 200), "JPEG")[:10_000],
    "jpeg without its end": as_file(noise(200, 200), "JPEG")[:-200],
    "half a png": as_file(noise(200, 200))[:10_000],
    "pixels that never come": png_without_pixels(100, 100),
}


@pytest.mark.parametrize("name", NOT_IMAGES)
def test_what_is_no_image(name: str, tmp_path: Path) -> None:
    message = refusal(NOT_IMAGES[name])
    path = tmp_path / "renamed.png"
    path.write_bytes(NOT_IMAGES[name])
    assert refusal(path) == message
    undecodable = ("half a jpeg", "jpeg without its end", "half a png", "pixels that never come")
    assert ("damaged" in message) == (name in undecodable)


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_no_such_file(name: str, tmp_path: Path) -> None:
    assert "There is no image file" in refusal(tmp_path / name)


def test_a_pdf_or_eps_is_never_handed_to_another_program(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr("subprocess.Popen", lambda *arguments, **_: started.append(arguments))
    for name in ("eps", "pdf"):
        refusal(NOT_IMAGES[name])
    assert not started
