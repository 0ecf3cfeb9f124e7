"""One head in two recordings: the numbers as they are, one scale for both, hatched where a place is missing."""

import base64
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from headlens.viz.figures.comparison import place_names, weights_beside, weights_less
from headlens.viz.theme import DARK, LIGHT
from tests.viz.figures.inputs import random_weights, special_at

IN_A, IN_B = np.array([True, True, True, False]), np.array([True, True, False, True])
NAMES = place_names(["[CLS]", "<b>it</b>", "she", "he"], IN_A, IN_B)
SPECIAL = special_at(4, 0)


def among(present: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rows that sum to one over the places that are there, and zeros."""
    weights = weights * present * present[:, None]
    return weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)


RANDOM = random_weights(2, 4, 4)
OWN, THEIRS = among(IN_A, RANDOM[0]), among(IN_B, RANDOM[1])


def test_what_only_one_has_is_named_so() -> None:
    assert NAMES == ["[CLS]", "<b>it</b>", "A: she", "B: he"]
    assert place_names(["\u202e"], np.array([True]), np.array([False])) == ["A: ⟨202E⟩"]


@pytest.mark.parametrize("order", [1, -1])
def test_both_are_drawn_as_they_are_on_one_scale(order: int) -> None:
    both, present_in = (OWN, THEIRS)[::order], (IN_A, IN_B)[::order]
    figures = weights_beside((both[0], both[1]), NAMES, (present_in[0], present_in[1]), special=SPECIAL, theme=DARK)
    limit = max(OWN[:, 1:].max(), THEIRS[:, 1:].max())
    for figure, weights, present in zip(figures, both, present_in):
        grey, heat = figure.data
        here = present & present[:, None]
        np.testing.assert_array_equal(heat.z, np.where(here, weights, np.nan))
        np.testing.assert_array_equal(np.isnan(grey.z), here)
        assert {colour for _, colour in grey.colorscale} == {DARK.line}
        assert (heat.zmin, heat.zmax) == (0, pytest.approx(limit))
        assert "does not have this position" in grey.hovertemplate
        assert "<b>it" not in "".join(heat.x)
        assert figure.layout.yaxis.autorange == "reversed"  # query 0 on top


def test_the_difference_is_around_zero() -> None:
    paired = IN_A & IN_B
    difference = np.where(paired[:, None], OWN - THEIRS, np.nan)
    grey, heat = weights_less(difference, NAMES, special=SPECIAL).data
    np.testing.assert_array_equal(heat.z, difference)
    np.testing.assert_array_equal(np.isnan(grey.z), np.repeat(paired[:, None], 4, axis=1))
    limit = np.nanmax(np.abs(difference[:, 1:]))
    assert (heat.zmin, heat.zmax) == (pytest.approx(-limit), pytest.approx(limit))
    assert [colour for _, colour in heat.colorscale] == LIGHT.signed
    assert "%{z:+.2%}" in heat.hovertemplate


def hatched(figure: go.Figure) -> list[tuple[float, float, float, float]]:
    """What is hatched: left, top, width and height in cells."""
    (image,) = figure.layout.images
    assert (image.x, image.y, image.sizex, image.sizey, image.sizing) == (-0.5, -0.5, 4, 4, "stretch")
    picture = base64.b64decode(image.source.partition(",")[2]).decode()
    assert 'viewBox="0 0 4 4"' in picture
    (group,) = re.findall("<g .*</g>", picture)
    found = [dict(re.findall(r'(\w+)="([\d.]+)"', rect)) for rect in re.findall("<rect .*?/>", group)]
    return [
        tuple(float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))  # type: ignore[misc]  # four of them
        for rect in found
    ]


def test_what_has_no_partner_is_hatched() -> None:
    of_a, of_b = weights_beside((OWN, THEIRS), NAMES, (IN_A, IN_B), special=SPECIAL)
    assert hatched(of_a) == [(0, 2, 4, 1), (2, 0, 1, 4)]  # "she", which A alone has
    assert hatched(of_b) == [(0, 3, 4, 1), (3, 0, 1, 4)]
    for figure, absent in ((of_a, 3), (of_b, 2)):
        grey = ~np.isnan(figure.data[0].z)
        assert grey[absent].all()
        assert grey[:, absent].all()
        assert grey.sum() == 7  # and nothing else
    difference = np.where((IN_A & IN_B)[:, None], OWN - THEIRS, np.nan)
    assert hatched(weights_less(difference, NAMES, special=SPECIAL)) == [
        (0, 2, 4, 1),
        (2, 0, 1, 4),
        (0, 3, 4, 1),
        (3, 0, 1, 4),
    ]
    assert weights_less(np.zeros((4, 4)), NAMES, special=SPECIAL).layout.images == ()


def test_equal_weights_can_be_drawn() -> None:
    figure = weights_less(np.zeros((1, 1)), ["a"], special=special_at(1))
    assert figure.data[1].zmax > 0
