"""How light a colour is: sRGB to CIE luminance and lightness, and WCAG contrast, by their formulas."""

import re

import numpy as np


def rgb_of(colour: str) -> tuple[int, ...]:
    """#rrggbb or rgb(r, g, b) as numbers from 0 to 255."""
    if colour.startswith("#"):
        return tuple(bytes.fromhex(colour[1:]))
    assert re.fullmatch(r"rgb\(\d+, ?\d+, ?\d+\)", colour)
    return tuple(int(number) for number in re.findall(r"\d+", colour))


def luminance(rgb: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """Relative luminance Y, 0 to 1, of colours [..., 3] in 0 to 255 (IEC 61966-2-1)."""
    share = np.asarray(rgb, dtype=np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return linear @ np.array([0.2126, 0.7152, 0.0722])


def lightness(rgb: np.ndarray | tuple[float, ...]) -> np.ndarray:
    """CIELAB's L*, 0 to 100, in which equal steps look equally large."""
    y = luminance(rgb)
    return np.where(y > (6 / 29) ** 3, 116 * np.cbrt(y) - 16, y * (29 / 3) ** 3)


def contrast(one: np.ndarray | tuple[float, ...], other: np.ndarray | tuple[float, ...]) -> float:
    """WCAG 2: from 1 (alike) to 21 (black on white)."""
    dark, light = sorted((float(luminance(one)), float(luminance(other))))
    return (light + 0.05) / (dark + 0.05)
