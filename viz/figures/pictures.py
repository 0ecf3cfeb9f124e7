"""Photos and other pictures on their way into a figure."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image


def data_uri(pixels: np.ndarray, exact: bool = False) -> str:
    """An address that holds a picture [height, width, 3 or 4] uint8: WebP, or PNG where each value must survive."""
    file = io.BytesIO()
    if exact:
        Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    else:
        Image.fromarray(pixels).save(file, "WEBP", quality=88, method=2)
    return f"data:image/{'png' if exact else 'webp'};base64,{base64.b64encode(file.getvalue()).decode()}"


def add_picture(figure: go.Figure, uri: str, grid: tuple[int, int], *, above: bool = False, **place: int) -> None:
    """Put a picture below a figure's traces, one row or column of the grid to a unit of the axes.

    Args:
        figure: whose axes begin at -0.5.
        uri: the picture's, as `data_uri` makes it.
        grid: (rows, columns).
        above: above the traces instead.
        place: row and col of a figure with subplots.
    """
    rows, columns = grid
    axes = {} if place else {"xref": "x", "yref": "y"}
    figure.add_layout_image(
        source=uri,
        x=-0.5,
        y=-0.5,
        sizex=columns,
        sizey=rows,
        sizing="stretch",
        layer="above" if above else "below",
        **axes,
        **place,
    )


def darkened(image: np.ndarray) -> np.ndarray:
    """The photo in grey, and darker, so that heat on it reads as heat; [height, width, 3] uint8 both ways."""
    grey = image.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)  # luma of ITU-R BT.601
    return np.repeat((grey * 0.6).astype(np.uint8)[..., None], 3, axis=2)


def dimmed_outside(image: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    """A photo, pale outside a window (top, left, bottom, right) in shares; [height, width, 3] uint8 both ways."""
    height, width = image.shape[:2]
    top, left, bottom, right = (round(share * side) for share, side in zip(window, (height, width, height, width)))
    inside = (slice(max(0, top), max(0, bottom)), slice(max(0, left), max(0, right)))
    grey = image.mean(axis=2, keepdims=True)
    dimmed = np.repeat((128 + 0.3 * (grey - 128)).astype(np.uint8), 3, axis=2)
    dimmed[inside] = image[inside]
    return dimmed


def shrunk(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture at another size, [height, width, 3] uint8."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))
