"""Vectors and tables as coloured cells."""

import numpy as np
import pytest

from headlens.viz.figures.cells import number_cells, table_cells, vector_strips
from headlens.viz.theme import DARK, LIGHT, Theme

ROWS = np.random.default_rng(4).normal(size=(2, 50)) * [[1.0], [1e-3]]


def test_a_strip_a_vector_on_a_scale_of_its_own() -> None:
    heat = vector_strips(["q", "k"], ["q", "k"], ROWS).data[0]
    np.testing.assert_array_equal(heat.customdata, ROWS)  # what the hover says
    assert "customdata" in heat.hovertemplate
    assert (heat.zmin, heat.zmax) == (-1, 1)
    for strip, row in zip(np.array(heat.z), ROWS):
        np.testing.assert_allclose(strip / strip[0], row / row[0], rtol=1e-4)
        assert 0.9 < np.quantile(np.abs(strip), 0.99) < 1.1


def test_a_vector_of_zeros_is_drawn() -> None:
    assert np.isfinite(np.array(vector_strips(["x"], ["x"], np.zeros((1, 4))).data[0].z)).all()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_table_in_the_theme_s_colours(theme: Theme) -> None:
    values = np.array([[0.1, 0.9], [0.4, 0.6], [1.0, 0.0]])
    names = (["head 0", "head 1", "head 2"], ["0 · a", "1 · b"])
    heat = table_cells(values, names, (list("012"), list("ab")), titles=("head", "key"), theme=theme).data[0]
    np.testing.assert_allclose(heat.z, values, atol=1e-7)
    assert (heat.zmin, heat.zmax) == (0, 1)
    assert (list(heat.y), list(heat.x)) == (names[0], names[1])
    assert [colour for _, colour in heat.colorscale] == theme.weights


def test_numbers_from_minus_one_to_one() -> None:
    values = np.cos(np.mgrid[:4, :6][1])
    figure = number_cells(values, ("position", "number"), DARK)
    np.testing.assert_allclose(figure.data[0].z, values, atol=1e-7)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1, 1)
    assert figure.layout.yaxis.autorange == "reversed"
    assert (figure.layout.yaxis.title.text, figure.layout.xaxis.title.text) == ("position", "number")
