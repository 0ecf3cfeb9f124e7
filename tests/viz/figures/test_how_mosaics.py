"""Small pictures side by side."""

import base64
import io

import numpy as np
from PIL import Image
from plotly import graph_objects as go

from headlens.viz.figures.mosaics import filter_tiles, photo_tiles, similarity_tiles
from headlens.viz.theme import LIGHT, lookup_table


def pixels(figure: go.Figure) -> np.ndarray:
    """The picture's own pixels, [row, column, RGBA], each once."""
    data = base64.b64decode(figure.data[0].source.split(",")[1])
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))[1::3, 1::3]


def test_filters_are_grey_where_they_do_nothing() -> None:
    filters = np.zeros((4, 3, 14, 14))
    filters[1, 0, 2, 3], filters[1, 2, 2, 3] = 0.5, -0.25
    picture = pixels(filter_tiles(filters, 2))
    assert picture.shape == (29, 29, 4)  # a gap of one
    assert picture[0, 0].tolist() == [128, 128, 128, 255]
    assert picture[2, 15 + 3].tolist() == [255, 128, 64, 255]
    assert picture[14, 5, 3] == 0


def test_similarities_run_along_the_signed_scale() -> None:
    similarities = np.zeros((1, 2, 3, 3))
    similarities[0, 1, 0, 2], similarities[0, 1, 2, 0] = 1.0000001, -1.0
    picture = pixels(similarity_tiles(similarities))
    table = lookup_table(LIGHT.signed)
    assert picture[0, 4 + 2, :3].tolist() == table[255].tolist()
    assert picture[2, 4, :3].tolist() == table[0].tolist()
    assert picture[0, 0, :3].tolist() == table[128].tolist()


def test_photos_stand_in_lines() -> None:
    tiles = np.arange(6, dtype=np.uint8)[:, None, None, None] * np.full((6, 10, 10, 3), 40, np.uint8)
    picture = pixels(photo_tiles(tiles, 3))
    assert picture.shape == (21, 32, 4)
    assert [picture[5, column, 0] for column in (5, 16, 27)] == [0, 40, 80]
    assert [picture[16, column, 0] for column in (5, 16, 27)] == [120, 160, 200]


def test_a_line_with_room_left_ends_see_through() -> None:
    picture = pixels(photo_tiles(np.full((4, 10, 10, 3), 40, np.uint8), 3))
    assert picture.shape == (21, 32, 4)
    assert [picture[16, column, 3] for column in (5, 16, 27)] == [255, 0, 0]
    assert picture[5, 27, 3] == 255
