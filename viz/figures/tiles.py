"""Heat over a photo, pixel by pixel: what the head grid of a photo is made of."""

import numpy as np

from headlens.viz.figures.pictures import darkened, shrunk
from headlens.viz.theme import HEAT, HEAT_OPACITY, lookup_table
from headlens.viz.view.scale import to_levels

PHOTO_SIDE = 96  # pixels of a thumbnail's longer side


def overlay_tiles(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weights [layer, head, row, column] as heat over a small photo: uint8 [layer, head, height, width, 3]."""
    rows, columns = weights.shape[-2:]
    cell = max(1, round(PHOTO_SIDE / max(rows, columns)))
    photo = darkened(shrunk(image, rows * cell, columns * cell)).astype(np.float32)
    levels = to_levels(weights, np.maximum(weights.max(axis=(-2, -1), keepdims=True), 1e-12))
    return _heated(photo, levels.repeat(cell, axis=-2).repeat(cell, axis=-1))


def blended(pixels: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Shares [height, width] in 0 to 1 as heat over the darkened photo of that size: uint8 [height, width, 3]."""
    return _heated(darkened(pixels).astype(np.float32), to_levels(shares, 1.0))


def _heated(photo: np.ndarray, levels: np.ndarray) -> np.ndarray:
    opacity = HEAT_OPACITY * np.sqrt(levels[..., None] / 255, dtype=np.float32)
    heat = lookup_table(HEAT).astype(np.float32)[levels]
    pixels: np.ndarray = (photo * (1 - opacity) + heat * opacity).astype(np.uint8)
    return pixels
