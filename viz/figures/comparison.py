"""One head in two recordings: the weights of each over their common places, and what they differ by."""

import base64
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import categories, token_axis
from headlens.viz.figures.pictures import add_picture
from headlens.viz.theme import LIGHT, Theme, page_layout
from headlens.viz.view.scale import colour_limit
from headlens.viz.view.visible import visible

HEIGHT = 470  # pixels
LINES = 60  # of a hatching at most, from corner to corner
ROOM = 40  # names, up to which cells stand apart


def place_names(names: Sequence[str], in_a: np.ndarray, in_b: np.ndarray) -> list[str]:
    """What to call each place: "A: she" where B does not have it, "B: he" where A does not."""
    owners = ["" if own and theirs else "A: " if own else "B: " for own, theirs in zip(in_a, in_b)]
    return [f"{owner}{visible(name)}" for owner, name in zip(owners, names)]


def weights_beside(
    weights: tuple[np.ndarray, np.ndarray],
    names: Sequence[str],
    present: tuple[np.ndarray, np.ndarray],
    *,
    special: np.ndarray,
    theme: Theme = LIGHT,
) -> tuple[go.Figure, go.Figure]:
    """A's weights and B's on one colour scale; places that only one of them has are hatched in its figure.

    In the other's they are grey.

    Args:
        weights: of A and of B, [place, place].
        names: of the places, as `place_names` gives them.
        present: whether A, and B, have each place, [place] bool.
        special: [place] bool; these keys do not set the colour scale.
        theme: the colours.
    """
    limit = colour_limit(np.concatenate(weights), special)
    scale = {"zmin": 0.0, "zmax": limit, "colorscale": theme.weights}
    figures = []
    for side, own, has, others in zip("AB", weights, present, present[::-1]):
        here = has[:, None] & has
        absent = f"{side} does not have this position"
        figure = _matrix(np.where(here, own, np.nan), names, scale, absent=absent, sign="", theme=theme)
        figures.append(_hatch(figure, has & ~others, theme))
    return figures[0], figures[1]


def weights_less(
    difference: np.ndarray, names: Sequence[str], *, special: np.ndarray, theme: Theme = LIGHT
) -> go.Figure:
    """A's weights less B's, on a scale around zero; what only one of them has is hatched.

    A row that only one of them has has no difference; a key has the weight of the one that has it.

    Args:
        difference: [query, key], nan in these rows.
        names: of the places, as `place_names` gives them.
        special: [place] bool; these keys do not set the colour scale.
        theme: the colours.
    """
    limit = colour_limit(np.nan_to_num(np.abs(difference)), special)
    scale = {"zmin": -limit, "zmax": limit, "colorscale": theme.signed}
    figure = _matrix(difference, names, scale, absent="only one of them looks from here", sign="+", theme=theme)
    return _hatch(figure, np.isnan(difference).any(axis=1), theme)


def _hatch(figure: go.Figure, places: np.ndarray, theme: Theme) -> go.Figure:
    """Lines over the rows and columns of these places, [place] bool: a heatmap knows no pattern, a picture does."""
    count, alone = len(places), np.flatnonzero(places)
    if not len(alone):
        return figure
    step = max(0.4, count / LINES)  # of a cell
    rects = "".join(
        f'<rect y="{at}" width="{count}" height="1"/><rect x="{at}" width="1" height="{count}"/>' for at in alone
    )
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {count} {count}" width="800" height="800"><defs>'
        f'<pattern id="h" width="{step}" height="{step}" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="{step / 7}" height="{step}" fill="{theme.muted}"/></pattern></defs>'
        f'<g fill="url(#h)">{rects}</g></svg>'
    )
    uri = "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()
    add_picture(figure, uri, (count, count), above=True)
    return figure


def _matrix(
    values: np.ndarray, names: Sequence[str], scale: dict[str, object], *, absent: str, sign: str, theme: Theme
) -> go.Figure:
    """Values [query, key]; where they are nan, grey."""
    labels = categories(names)
    gap = 1 if len(names) <= ROOM else 0
    common = {"x": labels, "y": labels, "xgap": gap, "ygap": gap}
    figure = go.Figure(layout=page_layout(theme))
    figure.add_heatmap(
        z=np.where(np.isnan(values), 1.0, np.nan),
        colorscale=[[0, theme.line], [1, theme.line]],
        showscale=False,
        hovertemplate=f"%{{y}} → %{{x}}<br>{absent}<extra></extra>",
        **common,
    )
    figure.add_heatmap(
        z=values,
        hoverongaps=False,
        colorbar={
            "thickness": 10,
            "outlinewidth": 1,
            "outlinecolor": theme.line,
            "tickformat": ".0%",
            "tickfont": {"size": 11},
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
        },
        hovertemplate=f"%{{y}} → %{{x}}<br><b>%{{z:{sign}.2%}}</b> (%{{z:{sign}.6f}})<extra></extra>",
        **scale,
        **common,
    )
    axis = token_axis(labels, names) | {"constrain": "domain", "automargin": True, "tickfont": {"size": 12}}
    title = {"standoff": 14, "font": {"size": 13}}
    across = {
        "side": "top",
        "tickangle": -60,
        "constraintoward": "left",
        "title": {"text": "key: is looked at", **title},
    }
    down = {"autorange": "reversed", "constraintoward": "top", "title": {"text": "query: looks", **title}}
    figure.update_layout(height=HEIGHT, xaxis=axis | across, yaxis=axis | down | {"scaleanchor": "x"})
    return figure
