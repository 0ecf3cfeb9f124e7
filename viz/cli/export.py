"""`headlens export`: the weights of a saved recording as data."""

from pathlib import Path
from typing import Annotated

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.opening import check_place, open_recording, seen
from headlens.viz.cli.options import Saved, Stage, WithoutSpecial, Words
from headlens.viz.cli.output import check_ending, write_out


def export(
    file: Saved,
    out: Annotated[Path, typer.Option(metavar="PATH", help="What to write, .npz or .csv.")],
    layer: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="From 0; left out: all, of an .npz.", show_default=False)
    ] = None,
    head: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="From 0; left out: all.", show_default=False)
    ] = None,
    stage: Stage = None,
    words: Words = False,
    without_special: WithoutSpecial = False,
) -> None:
    """Write weights for numpy or for a sheet.

    An .npz has them exactly, with named axes; a .csv with nine digits, a line for each query and key.
    """
    ending = check_ending(out, ".npz", ".csv")
    if ending == ".csv" and layer is None:
        raise InputError("A sheet holds one layer; give --layer, or write an .npz.")
    recording = seen(open_recording(file, stage), words, without_special)
    check_place(recording, layer=layer, head=head)
    from headlens.viz.export.data import weights_csv, weights_npz

    data: bytes | str
    try:
        if ending == ".npz" or layer is None:
            data = weights_npz(recording, layer, head)
        else:
            data = weights_csv(recording, layer, head)
    except ValueError as error:  # too many for a sheet
        raise InputError(str(error)) from error
    write_out(out, data)
