"""The figures of the page Atlas."""

import numpy as np

from headlens.viz.figures.joint_map import Colouring, draw_links, joint_figure
from headlens.viz.figures.spread import spread
from headlens.viz.theme import DARK, LIGHT

POINTS = {
    "query": np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]),
    "key": np.array([[6.0, 7.0], [8.0, 9.0], [1.0, 1.0]]),
}


def test_bins_stand_where_they_begin_and_end() -> None:
    bins = np.array([0.1, 0.5]), np.array([0.2, 0.7]), np.array([3, 4])
    (bars,) = spread(bins, "<b>share", share=True).data
    np.testing.assert_allclose(bars.x, [0.1, 0.5])
    np.testing.assert_allclose(bars.width, [0.1, 0.2])
    assert (bars.offset, list(bars.y)) == (0, [3, 4])
    figure = spread(bins, "<b>share", share=True)
    assert figure.layout.xaxis.range == (0, 1)
    assert figure.layout.xaxis.title.text == "&lt;b&gt;share"
    assert spread(bins, "tokens", share=False, theme=DARK).layout.xaxis.range is None
    assert figure.layout.yaxis.dtick == 1, "there are no halves of inputs"
    assert spread((*bins[:2], np.array([3, 40])), "tokens", share=True).layout.yaxis.dtick is None


def test_points_by_numbers() -> None:
    queries, keys = joint_figure(POINTS, Colouring("position", [0.0, 4.0, 2.0])).data
    np.testing.assert_allclose(np.stack([queries.x, queries.y], axis=1), POINTS["query"])
    np.testing.assert_allclose(np.stack([keys.x, keys.y], axis=1), POINTS["key"])
    assert queries.type == "scattergl"
    assert (queries.marker.symbol, keys.marker.symbol) == ("circle", "diamond")
    assert list(keys.marker.color) == [0, 4, 2]
    assert (queries.marker.showscale, keys.marker.showscale) == (False, True)
    assert list(queries.customdata) == [0, 1, 2]
    assert (queries.meta, keys.meta) == ("query", "key")


def test_points_by_names_and_by_colours_of_their_own() -> None:
    traces = joint_figure(POINTS, Colouring("kind", ["word", "special", "word"])).data
    assert [trace.name for trace in traces] == [
        f"{kind}: {name}" for kind in ("queries", "keys") for name in ("special", "word")
    ]
    assert list(traces[1].customdata) == [0, 2]
    assert traces[0].marker.color == traces[2].marker.color != traces[1].marker.color
    fewer = joint_figure(POINTS, Colouring("kind", ["word", "word", "number"])).data
    assert fewer[0].name == "queries: word"
    assert fewer[0].marker.color == traces[1].marker.color, "a kind has one colour, whichever others there are"
    own = joint_figure(POINTS, Colouring("colour", ["red", "red", "blue"], own=True)).data
    assert list(own[1].marker.color) == ["red", "red", "blue"]


def test_links_are_lines_over_faded_points() -> None:
    figure = joint_figure(POINTS, Colouring("position", [0.0, 4.0, 2.0]), faded=True)
    draw_links(figure, POINTS["query"][1], POINTS["key"][[2, 0]], [0.5, 0.25], LIGHT)
    queries, keys, first, second, rings = figure.data
    assert queries.opacity == keys.opacity < 1
    assert (list(first.x), list(first.y)) == ([2, 1], [3, 1])
    assert (list(second.x), list(second.y)) == ([2, 6], [3, 7])
    assert first.line.width > second.line.width
    assert list(rings.x) == [2, 1, 6]
    assert {trace.hoverinfo for trace in (first, second, rings)} == {"skip"}, "what lies below is still pressed"
