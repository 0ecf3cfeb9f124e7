"""The heatmap of a long input: cells, their names, and what sets the scale."""

import numpy as np
import pytest

from headlens.viz.figures import pooled_heatmap
from headlens.viz.figures.labels import cell_categories, escape
from tests.recordings import random_recording
from tests.viz.hostile import HOSTILE

RECORDING = random_recording(num_tokens=10)
CELLS = RECORDING.pooled(0, 1, 4)  # of three tokens, the last of one
NONE = np.zeros(10, dtype=bool)


def test_it_holds_the_cells_and_says_what_they_are() -> None:
    figure = pooled_heatmap(CELLS, RECORDING.tokens, NONE, query=5)
    (heat,) = figure.data
    np.testing.assert_array_equal(heat.z, CELLS)
    assert (
        list(heat.x)
        == list(heat.y)
        == [
            "0–2 · token0 … token2",
            "3–5 · token3 … token5",
            "6–8 · token6 … token8",
            "9 · token9",
        ]
    )
    assert figure.layout.xaxis.title.text == "key: is looked at (sum over 3 tokens)"
    assert figure.layout.yaxis.title.text == "query: looks (mean over 3 tokens)"
    assert figure.layout.xaxis.labelalias["3–5 · token3 … token5"] == "token3"
    assert (figure.layout.shapes[0].y0, figure.layout.shapes[0].y1) == (0.5, 1.5)
    assert heat.zmax == pytest.approx(CELLS.max())


def test_cells_with_a_special_token_do_not_set_the_scale() -> None:
    special = np.arange(10) == 7
    (heat,) = pooled_heatmap(CELLS, RECORDING.tokens, special).data
    assert heat.zmax == pytest.approx(CELLS[:, [0, 1, 3]].max())


def test_hostile_tokens_are_escaped() -> None:
    names = cell_categories(HOSTILE, 3)
    assert not any("<" in name for name in names)
    assert names[0] == f"0–2 · {escape(HOSTILE[0])} … {escape(HOSTILE[2])}"


@pytest.mark.parametrize("cells", [np.zeros((4, 3)), np.zeros((6, 6)), np.zeros((11, 11))])
def test_sizes_that_do_not_fit_are_refused(cells: np.ndarray) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        pooled_heatmap(cells, RECORDING.tokens, NONE)
    with pytest.raises(ValueError, match="do not fit"):
        pooled_heatmap(CELLS, RECORDING.tokens, NONE[1:])
