"""From an image to pixels: upright, 8-bit RGB, whole patches, normalised."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor, features

from headlens.model.inputs.image import read_image
from headlens.model.inputs.image_file import ImageSource, open_image, range_used
from tests.model.inputs.pictures import as_file, noise


def colour(source: ImageSource) -> tuple[int, int, int]:
    """Of the first pixel."""
    return tuple(np.asarray(open_image(source))[0, 0].tolist())


CORNERS = np.array([["red", "lime"], ["blue", "white"]])


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, CORNERS),
        (2, np.fliplr(CORNERS)),
        (3, np.rot90(CORNERS, 2)),
        (4, np.flipud(CORNERS)),
        (5, CORNERS.T),
        (6, np.rot90(CORNERS, -1)),
        (7, np.rot90(CORNERS, 2).T),
        (8, np.rot90(CORNERS)),
    ],
)
def test_a_photo_stands_upright(orientation: int, upright: np.ndarray) -> None:
    stored = Image.new("RGB", (60, 40))
    for (row, column), name in np.ndenumerate(CORNERS):
        stored.paste(name, (column * 30, row * 20, column * 30 + 30, row * 20 + 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = open_image(as_file(stored, "JPEG", quality=100, subsampling=0, exif=exif))
    assert photo.size == ((40, 60) if orientation > 4 else (60, 40))
    for (row, column), name in np.ndenumerate(upright):
        place = (photo.width * (1 + 2 * column) // 4, photo.height * (1 + 2 * row) // 4)
        found, expected = np.asarray(photo.crop((*place, place[0] + 1, place[1] + 1))), ImageColor.getrgb(name)
        assert np.abs(found[0, 0].astype(int) - expected).max() <= 3  # JPEG


def palette_with_a_hole() -> Image.Image:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 0])
    image.paste(0, (0, 0, 4, 8))
    return image


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), (255, 127, 127), id="half transparent"),
        pytest.param(as_file(Image.new("RGBA", (8, 8), (10, 20, 30, 0))), (255, 255, 255), id="wholly transparent"),
        pytest.param(as_file(Image.new("LA", (8, 8), (0, 128))), (127, 127, 127), id="transparent grey"),
        pytest.param(as_file(Image.new("L", (8, 8), 100)), (100, 100, 100), id="grey"),
        pytest.param(as_file(Image.new("1", (8, 8), 1)), (255, 255, 255), id="black and white"),
        pytest.param(as_file(palette_with_a_hole(), transparency=0), (255, 255, 255), id="transparent palette entry"),
        pytest.param(as_file(palette_with_a_hole(), transparency=1), (0, 0, 0), id="another palette entry transparent"),
        pytest.param(as_file(palette_with_a_hole(), "GIF", transparency=0), (255, 255, 255), id="transparent GIF"),
        pytest.param(
            as_file(Image.new("RGB", (8, 8), (9, 8, 7)), transparency=(9, 8, 7)),
            (255, 255, 255),
            id="one transparent colour",
        ),
        pytest.param(as_file(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (255, 0, 0), id="CMYK"),
        pytest.param(as_file(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0), id="CMYK JPEG"),
        pytest.param(as_file(Image.new("YCbCr", (8, 8), (100, 128, 128)), "TIFF"), (100, 100, 100), id="YCbCr"),
    ],
)
def test_other_colours_become_rgb_on_white(source: ImageSource, expected: tuple[int, int, int]) -> None:
    assert colour(source) == expected


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_brightness(file_format: str) -> None:
    numbers = np.arange(0, 65_536, 64, dtype=np.uint16).reshape(32, 32)
    found = np.asarray(open_image(as_file(Image.fromarray(numbers), file_format), stretch=False))
    expected = np.rint(numbers / 65_535 * 255).astype(np.uint8)
    np.testing.assert_array_equal(found, np.stack([expected] * 3, axis=-1))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bit_grey_of_12_bits_is_stretched(file_format: str) -> None:
    numbers = np.arange(100, 4_096, 4, dtype=np.uint16)[:992].reshape(31, 32)
    low, high = int(numbers.min()), int(numbers.max())
    file = as_file(Image.fromarray(numbers), file_format)
    assert range_used(file) == (low, high)
    expected = np.rint((numbers - low) / (high - low) * 255).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(open_image(file))[..., 0], expected)


def test_what_has_no_narrow_range() -> None:
    whole = np.array([[0, 65_535]], dtype=np.uint16)
    assert range_used(as_file(Image.fromarray(whole), "PNG")) is None
    assert range_used(as_file(Image.new("L", (8, 8), 9), "PNG")) is None
    even = as_file(Image.fromarray(np.full((8, 8), 30_000, np.uint16)), "PNG")
    assert range_used(even) is None
    assert colour(even) == (117, 117, 117)


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e6])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_numbers_without_a_known_range_use_their_own(dtype: type[np.generic], scale: float) -> None:
    numbers = (np.array([[-100, 0], [50, 100]]) * max(scale, 1 if dtype is np.int32 else 0)).astype(dtype)
    found = np.asarray(open_image(as_file(Image.fromarray(numbers), "TIFF")))[..., 0]
    assert found.tolist() == [[0, 128], [191, 255]]


@pytest.mark.parametrize("file_format", ["JPEG", "MPO", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_files_of_each_format_are_read(file_format: str) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    file = as_file(Image.new("RGB", (32, 16), (200, 100, 50)), file_format)
    assert open_image(file).size == (32, 16)
    assert np.abs(np.subtract(colour(file), (200, 100, 50))).max() <= 4


def test_a_path_and_bytes_and_an_image_are_the_same(sample_photo: Callable[[str], Path]) -> None:
    path = sample_photo("coffee")
    first = read_image(path, 14, 224).pixels
    with Image.open(path) as opened:
        sources: list[ImageSource] = [str(path), path.read_bytes(), opened]
        assert all((read_image(source, 14, 224).pixels == first).all() for source in sources)


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "GIF", "TIFF", "AVIF", "MPO"])
def test_an_animation_shows_its_first_frame(file_format: str) -> None:
    if file_format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    frames = [Image.new("RGB", (8, 8), name) for name in ("red", "lime", "blue")]
    first = colour(as_file(frames[0], file_format, save_all=True, append_images=frames[1:]))
    assert np.abs(np.subtract(first, (255, 0, 0))).max() <= 4


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma"])
def test_tiffs_are_unpacked(compression: str) -> None:
    found = colour(as_file(Image.new("RGB", (32, 16), (200, 100, 50)), "TIFF", compression=compression))
    assert np.abs(np.subtract(found, (200, 100, 50))).max() <= 4


@pytest.mark.parametrize(
    ("width", "height", "size", "grid"),
    [
        (600, 400, 224, (16, 24)),
        (400, 600, 224, (24, 16)),
        (600, 400, 448, (32, 48)),
        (512, 512, 230, (16, 16)),  # 16.43 patches
        (512, 512, 232, (17, 17)),  # 16.57
        (300, 200, 250, (18, 27)),  # 17.86 and 26.79
        (1, 1, 224, (16, 16)),
        (400, 100, 224, (16, 64)),
        (1036, 1036, 1036, (74, 74)),
    ],
)
def test_each_side_is_the_nearest_number_of_patches(width: int, height: int, size: int, grid: tuple[int, int]) -> None:
    given = read_image(Image.new("RGB", (width, height)), 14, size)
    assert given.photo.grid == grid
    assert given.pixels.shape == (1, 3, grid[0] * 14, grid[1] * 14)
    assert given.photo.pixels.shape == (grid[0] * 14, grid[1] * 14, 3)
    assert given.photo.aspect == width / height


def test_the_size_is_448_unless_another_is_asked_for() -> None:
    assert read_image(Image.new("RGB", (20, 20)), 14).photo.grid == (32, 32)


def test_an_image_of_the_right_size_is_not_resampled() -> None:
    photo = noise(336, 224)
    np.testing.assert_array_equal(read_image(photo, 14, 224).photo.pixels, np.asarray(photo))


def test_normalisation(sample_photo: Callable[[str], Path]) -> None:
    given = read_image(sample_photo("rocket"), 14, 224)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (given.photo.pixels / 255.0 - mean) / std
    np.testing.assert_allclose(given.pixels[0].numpy().transpose(1, 2, 0), expected, atol=1e-6, rtol=0)
    assert given.photo.pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (400, 200, (0, 56, 224, 168)),
        (200, 400, (56, 0, 168, 224)),
        (50, 50, (0, 0, 224, 224)),
        (300, 100, (0, 74, 224, 149)),  # 74.67 high, rounded to 75; the odd pixel goes below
    ],
)
def test_letterbox_fits_the_photo_into_a_black_square(width: int, height: int, box: tuple[int, int, int, int]) -> None:
    given = read_image(Image.new("RGB", (width, height), "white"), 14, "letterbox")
    expected = Image.new("L", (224, 224))
    expected.paste(255, box)
    for channel in range(3):
        np.testing.assert_array_equal(given.photo.pixels[..., channel], np.asarray(expected))
    assert (given.photo.grid, given.photo.aspect) == ((16, 16), 1.0)


def test_letterbox_averages_the_pixels_it_joins() -> None:
    photo = noise(448, 448)
    expected = np.asarray(photo, dtype=np.float64).reshape(224, 2, 224, 2, 3).mean(axis=(1, 3))
    found = read_image(photo, 14, "letterbox").photo.pixels
    assert np.abs(found - expected).max() <= 1  # Pillow rounds once a direction
