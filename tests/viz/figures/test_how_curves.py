"""Lines over layers, heads over layers, and published models."""

import numpy as np

from headlens.viz.figures.curves import Size, curves, head_distances, size_and_accuracy
from headlens.viz.theme import DARK, LIGHT


def test_lines_differ_by_more_than_colour() -> None:
    lines = {name: np.arange(3.0) + number for number, name in enumerate(("a", "b", "c"))}
    figure = curves(range(3), lines, ("layer", "length"), marked=1, theme=DARK)
    for trace, (name, y) in zip(figure.data, lines.items()):
        assert trace.name == name
        np.testing.assert_array_equal(trace.y, y)
    assert len({trace.line.dash for trace in figure.data}) == len({trace.marker.symbol for trace in figure.data}) == 3
    assert len({trace.line.color for trace in figure.data}) == 3
    assert [shape.x0 for shape in figure.layout.shapes] == [1]
    assert figure.layout.xaxis.type == "linear"


def test_powers_are_straight() -> None:
    figure = curves(np.array([64, 1024]), {"ms": np.array([1.0, 256.0])}, ("tokens", "ms"), log=True)
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert list(figure.layout.xaxis.ticktext) == ["64", "1,024"]
    assert len(figure.layout.shapes) == 0


def test_a_point_a_head() -> None:
    distances = np.arange(6.0).reshape(2, 3)
    points = head_distances(distances, "patches", (1, 0)).data[0]
    assert list(points.x) == [0, 0, 0, 1, 1, 1]
    assert list(points.customdata) == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(points.y, distances.ravel())
    assert [colour == LIGHT.accent for colour in points.marker.color] == [False, False, False, True, False, False]


def test_published_models_by_family() -> None:
    models = (
        Size("A", "CNN", "photos", 25, 76.2, "paper A", "top"),
        Size("B", "vision transformer", "photos", 22, 79.8, "paper B", "bottom"),
    )
    transformers, cnns = size_and_accuracy(models).data
    assert (list(cnns.x), list(cnns.y), list(cnns.text)) == ([25], [76.2], ["A"])
    assert (list(transformers.x), list(transformers.y), list(transformers.text)) == ([22], [79.8], ["B"])
    assert list(transformers.textposition) == ["bottom center"]
    assert tuple(transformers.customdata[0]) == ("photos", "paper B")
