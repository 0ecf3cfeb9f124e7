"""The map of all heads as a figure."""

import numpy as np

from headlens.viz.figures.head_map import head_map


def test_a_point_for_each_head_coloured_by_what_it_is_called_after() -> None:
    places = np.arange(12.0).reshape(6, 2)
    figure = head_map(places, 3, ["", "broad", "", "previous token", "broad", ""], pinned=(1, 0))
    by_name = {trace.name: trace for trace in figure.data[:-1]}
    assert list(by_name) == ["no role stands out", "broad", "previous token"]
    assert [tuple(head) for head in by_name["broad"].customdata] == [(0, 1), (1, 1)]
    np.testing.assert_array_equal(by_name["broad"].x, places[[1, 4], 0])
    np.testing.assert_array_equal(by_name["no role stands out"].y, places[[0, 2, 5], 1])
    assert len({trace.marker.color for trace in by_name.values()}) == 3
    ring = figure.data[-1]
    assert (ring.x[0], ring.y[0]) == (6.0, 7.0)
    assert len(head_map(places, 3, [""] * 6).data) == 1
