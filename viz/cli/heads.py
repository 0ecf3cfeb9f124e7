"""`headlens heads`: what each head contributes to an output."""

from typing import Annotated, Literal

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.asking import (
    About,
    Against,
    Asked,
    Candidate,
    Input,
    Other,
    Patches,
    Prompt,
    Second,
    Write,
    about,
    experiment_on,
    target_of,
)
from headlens.viz.cli.options import Device, Json, ModelName, Size, Stage, Table
from headlens.viz.cli.output import check_ending, finite, number, print_json, print_table, write_out


def heads(
    given: Input,
    model: ModelName = None,
    method: Annotated[
        Literal["exact", "gradient", "sensitivity"],
        typer.Option(help="Each head off in turn; the first-order estimate of it; or how strongly heads are felt."),
    ] = "exact",
    by: Annotated[Literal["mean", "zero"], typer.Option(help="What stands in for a head that is off.")] = "mean",
    target: About = None,
    candidate: Candidate = None,
    against: Against = "second",
    other: Other = None,
    region: Patches = None,
    pair: Second = None,
    text: Prompt = None,
    write: Write = 0,
    size: Size = None,
    stage: Stage = None,
    device: Device = "auto",
    out: Table = None,
    as_json: Json = False,
) -> None:
    """Measure what each head adds to an output.

    It is how much the output moves when the head is switched off, as on the page “Does it matter?”: below zero, it
    falls without the head.
    """
    if out is not None:
        check_ending(out, ".csv")
    experiment = experiment_on(given, model, device=device, pair=pair, size=size, how_prompted=text, write=write)
    asked = target_of(experiment, Asked(target, candidate, against, other, region))
    if asked is None:
        return
    if stage is not None and stage not in experiment.stages:
        raise InputError(f"This model has no stage “{stage:.40}”; it has {', '.join(experiment.stages)}.")
    from headlens.model.effects.heads import head_effects

    effects = head_effects(experiment, asked, method=method, by=by, stage=stage).tolist()
    if out is not None:
        from headlens.viz.export.data import table_of

        cells = [(layer, head, number(value)) for layer, row in enumerate(effects) for head, value in enumerate(row)]
        write_out(out, table_of(("layer", "head", "effect"), cells))
    if as_json:
        facts = about(experiment, asked, given, method=method)
        print_json(
            {
                **facts,
                "by": by,
                "stage": stage or experiment.stages[0],
                "effects": [list(map(finite, row)) for row in effects],
            }
        )
    elif out is None:
        from headlens.viz.view.visible import visible

        typer.echo(f"{visible(str(asked))}\n{method}" + ("" if method == "sensitivity" else f", by {by}"))
        heading = ("layer", *(f"head {head}" for head in range(len(effects[0]))))
        print_table(heading, [(str(layer), *(f"{value:.3g}" for value in row)) for layer, row in enumerate(effects)])
