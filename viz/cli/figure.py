"""`headlens figure`: a picture of a saved recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headlens.viz.cli.opening import check_place, heads_of, open_recording, queries_of, seen
from headlens.viz.cli.options import Saved, Stage, WithoutSpecial, Words
from headlens.viz.cli.output import check_ending, write_out

if TYPE_CHECKING:
    from headlens.viz.view.view import Scope

Kind = Literal["heatmap", "strip", "overlay", "grid", "bars"]


def figure(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="heatmap: the weights of all queries; strip: a query's over its text; overlay: over its photo; grid: "
            "every head; bars: the keys of most weight.",
        ),
    ],
    file: Saved,
    out: Annotated[Path, typer.Option(metavar="PATH", help="What to write, .svg or .png.")],
    layer: Annotated[int, typer.Option(metavar="NUMBER", help="From 0.")] = 0,
    head: Annotated[int, typer.Option(metavar="NUMBER", help="From 0.")] = 0,
    query: Annotated[
        str,
        typer.Option(
            metavar="NUMBERS",
            help="Position of the token or patch that looks, from 0; of several, as 3-9.12, the mean is drawn (with "
            "--direction by the sum).",
        ),
    ] = "0",
    scope: Annotated[
        Literal["head", "layer", "all"], typer.Option(help="One head; all heads of the layer, or of all, merged.")
    ] = "head",
    heads: Annotated[
        str | None,
        typer.Option(
            metavar="HEADS",
            help="Merge these instead, as 2~0-3_4~1: layer 2 heads 0 to 3, layer 4 head 1.",
            show_default=False,
        ),
    ] = None,
    reduction: Annotated[Literal["mean", "max"], typer.Option(help="How they are merged.")] = "mean",
    direction: Annotated[
        Literal["at", "by"], typer.Option(help="What the query looks at, or what looks at it.")
    ] = "at",
    width: Annotated[int, typer.Option(metavar="MM", help="85 for a column, 170 for a page.")] = 170,
    scale: Annotated[
        float, typer.Option(metavar="NUMBER", min=0.5, max=8, help="Of a PNG: pixels for each of the SVG's.")
    ] = 2.0,
    caption: Annotated[bool, typer.Option(help="Say below which model, layer, head and query it is.")] = True,
    stage: Stage = None,
    words: Words = False,
    without_special: WithoutSpecial = False,
) -> None:
    """Draw a saved recording as SVG or PNG.

    On white, for print; neither a browser nor the model is needed. With --words too, --query counts tokens.
    """
    ending = check_ending(out, ".svg", ".png")
    from headlens.model.analysis.joint import joined

    recording = joined(open_recording(file, stage))  # what looks and what is looked at, as on the pages
    queries, chosen = queries_of(query), heads_of(heads) if heads is not None else ((layer, head),)
    for one in chosen:
        check_place(recording, layer=one[0], head=one[1], query=queries[-1])
    from headlens.viz.export.drawn import drawn_svg, png_of
    from headlens.viz.view.pieces import groups_of, in_shown
    from headlens.viz.view.view import View

    of: Scope = scope if heads is None else "heads"
    view = View(*chosen[0], queries[0], of, reduction, direction=direction, queries=queries, heads=chosen)
    shown = seen(recording, words, without_special)
    svg = drawn_svg(kind, shown, in_shown(groups_of(shown), view), millimetres=width, caption=caption)
    write_out(out, svg if ending == ".svg" else png_of(svg, scale=scale))
