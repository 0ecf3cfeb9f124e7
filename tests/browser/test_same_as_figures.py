"""Strip and grid paint themselves; what they paint is what their pure figures hold."""

import re

import numpy as np
from playwright.sync_api import Page

from headlens.viz.figures import strip_figure
from headlens.viz.inputs.samples import TEXTS
from headlens.viz.theme import LIGHT, lookup_table
from headlens.viz.view.tiles import matrix_tiles
from tests.browser.look import open_page


def test_the_strip_is_tinted_as_its_figure(page: Page, address: str, minilm) -> None:
    open_page(page, address)
    recording = minilm.record(TEXTS["Trophy"].texts[0])
    figure, _ = strip_figure(recording.tokens, recording.attention(3, 1, 11), recording.special, query=11)
    tints = [float(re.findall(r"[\d.]+", label.bgcolor)[-1]) for label in figure.layout.annotations]
    drawn = page.evaluate(
        """[...document.querySelectorAll(".hl-strip span")].map(
            (span) => Number(getComputedStyle(span).backgroundColor.match(/[\\d.]+/g)[3] ?? 1))"""
    )
    np.testing.assert_allclose(drawn, tints, atol=0.005)


def test_the_grid_has_the_colours_of_its_tiles(page: Page, address: str, minilm) -> None:
    open_page(page, address)
    recording = minilm.record(TEXTS["Trophy"].texts[0])
    for layer, head in ((0, 2), (3, 1), (5, 11)):
        tiles, _ = matrix_tiles(recording.attention(layer), recording.special)
        expected = lookup_table(LIGHT.weights)[tiles[head]]
        drawn = page.evaluate(
            """([layer, head, side]) => {
                const { canvas, layout, ratio } = document.querySelector(".hl").explorer.grid;
                const [left, top] = layout.corner(layer * layout.columns + head);
                const context = canvas.getContext("2d");
                const at = (corner, size, cell) => Math.floor((corner + (size * (cell + 0.5)) / side) * ratio);
                const colour = (row, column) => {
                    const [x, y] = [at(left, layout.tileWidth, column), at(top, layout.tileHeight, row)];
                    return [...context.getImageData(x, y, 1, 1).data].slice(0, 3);
                };
                const cells = [...Array(side).keys()];
                return cells.map((row) => cells.map((column) => colour(row, column)));
            }""",
            [layer, head, recording.num_tokens],
        )
        np.testing.assert_allclose(np.array(drawn), expected, atol=2)
