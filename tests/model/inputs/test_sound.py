"""Resampling against what a tone is at the other rate, and pictures of a sound."""

import numpy as np
import pytest

from headlens.model.inputs.sound import resampled, spectrogram_pixels, time_names
from tests.model.inputs.sounds import tone


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 47_999, 48_000, 96_000, 192_000])
def test_a_tone_is_the_same_tone_at_another_rate(rate: int) -> None:
    ours = resampled(tone(440, 1.0, rate), rate, 16_000)
    assert ours.dtype == np.float32
    assert len(ours) == 16_000
    inner = slice(800, -800)  # at the ends there is silence beyond
    np.testing.assert_allclose(ours[inner], tone(440, 1.0, 16_000)[inner], atol=1e-3)


def test_what_is_above_the_new_nyquist_rate_is_gone() -> None:
    alias = resampled(tone(11_000, 1.0, 48_000), 48_000, 16_000)  # would be heard at 5,000 Hz
    assert np.abs(alias[800:-800]).max() < 2e-3


def test_at_its_own_rate_nothing_changes() -> None:
    samples = tone(440, 0.1, 16_000)
    assert resampled(samples, 16_000, 16_000) is samples


def test_frames_are_named_by_when_they_begin() -> None:
    assert time_names(3, 0.02) == ("0.00 s", "0.02 s", "0.04 s")
    assert time_names(2, 0.005) == ("0.0000 s", "0.0050 s")
    assert len(set(time_names(3_000, 0.02))) == 3_000


def test_low_frequencies_are_at_the_bottom_and_the_loudest_is_white() -> None:
    pixels = spectrogram_pixels(np.array([[0.0, 1.0], [-1.0, 3.0]]))  # [band, column]
    np.testing.assert_array_equal(pixels[..., 0], [[0, 255], [64, 128]])
    assert pixels.shape == (2, 2, 3)
    assert pixels.dtype == np.uint8
    assert spectrogram_pixels(np.zeros((2, 2))).max() == 0, "silence is black"
