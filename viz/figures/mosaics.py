"""Small pictures side by side: filters of the patch embedding, and what position encodings resemble."""

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.grid import mosaic
from headlens.viz.figures.pictures import data_uri
from headlens.viz.theme import LIGHT, Theme, lookup_table, page_layout


def filter_tiles(filters: np.ndarray, columns: int, theme: Theme = LIGHT) -> go.Figure:
    """Filters [filter, 3, height, width] in colours, grey where one does nothing, each on a scale of its own."""
    limit = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    colours = np.rint((filters / np.maximum(limit, 1e-12) + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    return _in_lines(colours, columns, theme)


def similarity_tiles(similarities: np.ndarray, theme: Theme = LIGHT) -> go.Figure:
    """For some positions of a grid, how alike the encoding of every position is to theirs.

    Args:
        similarities: [row, column, row of the grid, column of the grid], -1 to 1.
        theme: the colours.
    """
    levels = np.rint((similarities + 1) * 127.5).astype(np.uint8)
    return _tiled(lookup_table(theme.signed)[levels], theme)


def photo_tiles(tiles: np.ndarray, columns: int, theme: Theme = LIGHT) -> go.Figure:
    """Pictures [picture, height, width, 3] uint8, so many in a line; the last line may have room left."""
    return _in_lines(tiles, columns, theme)


def _in_lines(tiles: np.ndarray, columns: int, theme: Theme) -> go.Figure:
    missing = -len(tiles) % columns
    filled = np.concatenate([tiles, np.zeros((missing, *tiles.shape[1:]), tiles.dtype)])
    return _tiled(filled.reshape(-1, columns, *tiles.shape[1:]), theme, missing)


def _tiled(tiles: np.ndarray, theme: Theme, missing: int = 0) -> go.Figure:
    """Tiles [row, column, height, width, 3], each value a pixel that stays sharp when it is enlarged.

    The last ones of the last row may be missing: they are see-through.
    """
    picture, gap = mosaic(tiles)
    picture[-tiles.shape[2] :, (tiles.shape[1] - missing) * (tiles.shape[3] + gap) :, 3] = 0
    height, width = picture.shape[:2]
    figure = go.Figure(
        go.Image(source=data_uri(np.repeat(np.repeat(picture, 3, 0), 3, 1), exact=True), hoverinfo="skip")
    )
    figure.update_layout(page_layout(theme), height=round(460 * height / width))
    bare = {"visible": False, "fixedrange": True, "constrain": "domain"}
    figure.update_xaxes(bare)
    return figure.update_yaxes(bare, scaleanchor="x")
