"""`headlens induction`: which heads of a causal model continue what they have read before."""

from typing import Annotated

import typer

from headlens.viz.cli.opening import open_model
from headlens.viz.cli.options import Device, Json, ModelName, Table
from headlens.viz.cli.output import check_ending, number, print_json, print_table, write_out

SHOWN = 10  # heads that are printed; a file has all


def induction(
    model: ModelName = None,
    length: Annotated[int, typer.Option(metavar="COUNT", min=2, help="Random tokens of one copy.")] = 50,
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Seed of the choice of tokens.")] = 0,
    out: Table = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Score each head of a causal model on tokens read twice.

    The tokens are random, so that nothing but their first copy tells what comes next (Olsson et al. 2022).

    Induction: how much the second copy looks at the token after its place in the first; duplicate: at that token
    itself; both are means over the second copy, from 0 to 1, with nothing taken away. The ten highest are printed.
    """
    if out is not None:
        check_ending(out, ".csv")
    from headlens.model.analysis.roles.repeated import repeated_scores

    opened = open_model(model, ("causal",), device)
    scores = repeated_scores(opened, length, seed=seed)  # type: ignore[arg-type]  # others than causal ones are refused
    layers, heads = scores["induction"].shape
    rows = [
        (layer, head, *(float(scores[name][layer, head]) for name in ("induction", "duplicate")))
        for layer in range(layers)
        for head in range(heads)
    ]
    if out is not None:
        from headlens.viz.export.data import table_of

        table = [(layer, head, *map(number, of_head)) for layer, head, *of_head in rows]
        write_out(out, table_of(("layer", "head", "induction", "duplicate"), table))
    if as_json:
        print_json([dict(zip(("layer", "head", "induction", "duplicate"), row)) for row in rows])
    elif out is None:
        highest = sorted(rows, key=lambda row: -row[2])[:SHOWN]
        print_table(
            ("layer", "head", "induction", "duplicate"),
            [(str(layer), str(head), *(f"{score:.2f}" for score in of_head)) for layer, head, *of_head in highest],
        )
