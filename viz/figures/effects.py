"""What each head contributes, as a grid of squares to press, and candidates before and after."""

import textwrap
from collections.abc import Collection, Sequence

import numpy as np
import plotly.graph_objects as go

from headlens.viz.figures.labels import UNSEEN, escape, token_text
from headlens.viz.theme import LIGHT, Theme, page_layout

Head = tuple[int, int]  # layer, head
WIDTH, HEIGHT = 310, 600  # pixels that the squares take at most: a phone of 390 has no more
GAP, FOOT = 4, 44  # pixels
BAR, LINE = 36, 16  # pixels of the colour bar without its title, and of a line of that
LETTERS = 42  # of a line
LEAST = 1e-5  # at the top of the scale: what is smaller is rounding


def effect_grid(
    effects: np.ndarray,
    what: str,
    *,
    off: Collection[Head] = (),
    pinned: Head | None = None,
    by_size: bool = False,
    signed: bool = True,
    theme: Theme = LIGHT,
) -> go.Figure:
    """A square for each head, which can be pressed; those that are off are crossed out.

    Args:
        effects: [layer, head]; nan where a head has none.
        what: they are, for the colour bar and the hover.
        off: heads that are off.
        pinned: a head that is framed.
        by_size: the largest first, row by row, instead of by layer and head.
        signed: on a scale around zero, instead of from zero.
        theme: the colours.
    """
    num_heads = effects.shape[1]
    order = np.argsort(-np.abs(effects).ravel(), kind="stable") if by_size else np.arange(effects.size)
    layers, heads = np.divmod(order, num_heads)
    rows, columns = np.divmod(np.arange(effects.size), num_heads)
    num_rows = int(rows.max()) + 1
    size = float(np.clip(min(WIDTH / num_heads, HEIGHT / num_rows) - GAP, 7, 24))
    limit = top_of_scale(effects)
    title = [escape(line) for line in textwrap.wrap(what, LETTERS, max_lines=2, placeholder=" …")]
    top = BAR + LINE * len(title)
    height = top + FOOT + round(num_rows * (size + GAP + 2))
    figure = go.Figure(layout=page_layout(theme))
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        customdata=np.stack(
            [layers, heads, effects.ravel()[order]], axis=1
        ).tolist(),  # an array comes back as an object
        marker={
            "symbol": "square",
            "size": size,
            "color": effects.ravel()[order],
            "cmin": -limit if signed else 0.0,
            "cmax": limit,
            "colorscale": theme.signed if signed else theme.weights,
            "line": {"color": theme.line, "width": 1},
            "colorbar": {
                "orientation": "h",  # beside the squares it takes their room, and its title is cut
                "x": 0,
                "xanchor": "left",
                "xpad": 0,
                "y": 1 - LINE * len(title) / height,
                "yref": "container",  # at the plot it would move the titles of the axes over their numbers
                "yanchor": "top",
                "ypad": 4,
                "thickness": 10,
                "outlinewidth": 1,
                "outlinecolor": theme.line,
                "tickfont": {"size": 11},
                "nticks": 5,
            },
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hovertemplate=f"layer %{{customdata[0]}}, head %{{customdata[1]}}<br>{escape(what)}: "
        "<b>%{customdata[2]:.5f}</b><extra></extra>",
    )
    figure.add_annotation(  # plotly.js draws a second line of a colour bar's own title over the bar
        text="<br>".join(title),
        font={"size": 12, "color": theme.muted},
        align="left",
        x=0,
        xref="paper",
        xanchor="left",
        y=1,
        yref="paper",
        yanchor="bottom",
        yshift=BAR - 6,
        showarrow=False,
    )
    places = {(int(layer), int(head)): index for index, (layer, head) in enumerate(zip(layers, heads))}
    _mark(figure, [places[head] for head in sorted(off)], (rows, columns), "x-thin-open", size, colour=theme.text)
    if pinned in places:
        _mark(figure, [places[pinned]], (rows, columns), "square-open", size + GAP, colour=theme.text)  # around it
    figure.update_layout(height=height, margin={"l": 44, "r": 0, "t": top, "b": FOOT}, showlegend=False)
    bare = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont": {"size": 11}}
    titles = ("from the largest on", "") if by_size else ("head", "layer")
    figure.update_xaxes(bare, range=[-0.7, num_heads - 0.3], title={"text": titles[0], "standoff": 4})
    figure.update_xaxes(showticklabels=not by_size, dtick=max(1, num_heads // 8))
    figure.update_yaxes(bare, range=[num_rows - 0.4, -0.6], title={"text": titles[1], "standoff": 10})
    return figure.update_yaxes(showticklabels=not by_size, dtick=max(1, num_rows // 10))


def top_of_scale(values: np.ndarray) -> float:
    """The largest size of values, nan left out, and at least LEAST; 1 where there is nothing, which has no size."""
    largest = float(np.nan_to_num(np.abs(values)).max())
    return max(largest, LEAST) if largest else 1.0


def before_and_after(
    names: Sequence[str], before: Sequence[float], after: Sequence[float], *, theme: Theme = LIGHT
) -> go.Figure:
    """Scores of the same candidates, two bars each.

    Args:
        names: of the candidates, as they are.
        before: [candidate].
        after: [candidate].
        theme: the colours.
    """
    rows = [token_text(name) + UNSEEN * index for index, name in enumerate(names)]  # all different
    figure = go.Figure(layout=page_layout(theme))
    for name, values, colour in (("before", before, theme.second_bar), ("now", after, theme.bar)):
        figure.add_bar(
            x=list(values),
            y=rows,
            name=name,
            orientation="h",
            marker={"color": colour, "cornerradius": 3},
            text=[f"{value:.3f}" for value in values],
            textposition="outside",
            textfont={"size": 11, "color": theme.text},
            cliponaxis=False,
            hovertemplate=f"%{{y}}, {name}: <b>%{{x:.6f}}</b><extra></extra>",
        )
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0}
    figure.update_layout(height=40 + 34 * len(names), margin={"t": 28}, legend=legend, bargap=0.25, bargroupgap=0.05)
    low, high = min(0.0, *before, *after), max(*before, *after, 1e-9)
    figure.update_xaxes(visible=False, fixedrange=True, range=[1.2 * low, 1.2 * high])
    return figure.update_yaxes(autorange="reversed", fixedrange=True, automargin=True, ticklabelstandoff=5)


def _mark(
    figure: go.Figure,
    places: Sequence[int],
    axes: tuple[np.ndarray, np.ndarray],
    symbol: str,
    size: float,
    *,
    colour: str,
) -> None:
    rows, columns = axes
    figure.add_scatter(
        x=columns[list(places)],
        y=rows[list(places)],
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": colour, "line": {"color": colour, "width": 2}},
        hoverinfo="skip",
    )
