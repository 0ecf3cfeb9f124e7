"""Photos on their way into a figure."""

import numpy as np
import pytest

from headlens.viz.figures.pictures import darkened, data_uri, shrunk
from tests.viz.figures.decode import picture_in
from tests.viz.figures.inputs import grey_by_hand, photo_of


@pytest.mark.parametrize("channels", [3, 4])
def test_exact_pictures_come_back_pixel_by_pixel(channels: int) -> None:
    pixels = np.random.default_rng(channels).integers(0, 256, (23, 31, channels), dtype=np.uint8)
    uri = data_uri(pixels, exact=True)
    assert uri.startswith("data:image/png;base64,")
    np.testing.assert_array_equal(picture_in(uri), pixels)


def test_other_pictures_come_back_as_good_as_the_eye_sees_and_small() -> None:
    pixels = photo_of(16, 24).pixels
    uri = data_uri(pixels)
    shown = picture_in(uri)
    assert uri.startswith("data:image/webp;base64,")
    assert shown.shape == pixels.shape
    assert np.abs(shown.astype(float) - pixels).mean() < 2
    assert len(uri) < pixels.nbytes / 20


def test_darkened_is_the_luma_at_sixty_percent() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    pixels[0, :2] = [[0, 0, 0], [255, 255, 255]]
    before = pixels.copy()
    grey = darkened(pixels)
    assert grey.dtype == np.uint8
    expected = np.array([[[grey_by_hand(pixel)] * 3 for pixel in line] for line in pixels])
    np.testing.assert_allclose(grey, expected, atol=1)
    assert grey[0, 0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(pixels, before)


def test_shrunk_takes_height_before_width() -> None:
    pixels = photo_of(4, 8).pixels  # redder to the right, greener downwards
    small = shrunk(pixels, 10, 30)
    assert small.shape == (10, 30, 3)
    assert small.dtype == np.uint8
    np.testing.assert_allclose(small[5, :, 0], np.linspace(0, 255, 31)[:-1] + 4.25, atol=4)
    assert small[-1, 15, 1] > 230 > 25 > small[0, 15, 1]
