"""`headlens explain`: which tokens or patches an output rests on."""

from typing import Annotated

import typer

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
from headlens.viz.cli.options import Device, Json, ModelName, Size, Table
from headlens.viz.cli.output import check_ending, finite, number, print_json, print_table, write_out


def explain(
    given: Input,
    model: ModelName = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="chefer, legrad, gradient_input, integrated, rollout, flow, norms or attention."
        ),
    ] = "chefer",
    target: About = None,
    candidate: Candidate = None,
    against: Against = "second",
    other: Other = None,
    region: Patches = None,
    pair: Second = None,
    text: Prompt = None,
    write: Write = 0,
    size: Size = None,
    device: Device = "auto",
    out: Table = None,
    as_json: Json = False,
) -> None:
    """Say which tokens an output rests on.

    Or which patches: by one of the methods of the page “Does it matter?”.
    """
    if out is not None:
        check_ending(out, ".csv")
    experiment = experiment_on(given, model, device=device, pair=pair, size=size, how_prompted=text, write=write)
    asked = target_of(experiment, Asked(target, candidate, against, other, region))
    if asked is None:
        return
    from headlens.model.effects.explain.methods import METHODS
    from headlens.model.effects.explain.methods import explain as explained
    from headlens.viz.cli.names import names_of

    explanation = explained(experiment, asked, method)
    names = names_of(experiment, asked)
    scores = [float(score) for score in explanation.scores]
    if out is not None:
        from headlens.viz.export.data import guarded, table_of

        cells = [(position, guarded(name), number(score)) for position, (name, score) in enumerate(zip(names, scores))]
        write_out(out, table_of(("position", "token", "score"), cells))
    facts = {
        **about(experiment, asked, given, method=method),
        "title": METHODS[method].title,
        "source": METHODS[method].source,
        "held": explanation.held,
        "signed": explanation.signed,
        "about_output": explanation.about_output,
    }
    if as_json:
        print_json({**facts, "tokens": names, "scores": list(map(finite, scores))})
    elif out is None:
        from headlens.viz.view.visible import visible  # tokens are anybody's, and a terminal obeys some

        typer.echo(f"{visible(str(asked))}\n{METHODS[method].title} ({METHODS[method].source}). {explanation.held}")
        rows = [
            (str(position), visible(name), number(score)) for position, (name, score) in enumerate(zip(names, scores))
        ]
        print_table(("position", "token", "score"), rows)
