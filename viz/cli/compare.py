"""`headlens compare`: how much every head differs between two inputs, or between two models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.changes import Changes, corrections_of, heads_off, rectangle_of
from headlens.viz.cli.inputs import collect
from headlens.viz.cli.opening import check_place, open_model, open_recording, seen, size_of
from headlens.viz.cli.options import Device, Json, ModelName, Size, Stage, WithoutSpecial, Words
from headlens.viz.cli.output import check_ending, finite, number, print_json, print_table, write_out
from headlens.viz.cli.runs import How, record_one

if TYPE_CHECKING:
    from headlens.model.comparison.comparison import Comparison
    from headlens.model.protocol import Model
    from headlens.model.recording.recording import Recording

TOP = 10
RECORDING = ".safetensors"


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A recording's file, a text, or the path of a photo.")],
    b: Annotated[
        str | None, typer.Argument(metavar="B", help="As A; left out: the same input, for two models.")
    ] = None,
    model: ModelName = None,
    model_b: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As --model, for B; by default the one of A.", show_default=False),
    ] = None,
    layer: Annotated[
        int | None,
        typer.Option(metavar="NUMBER", help="Of one head, from 0; left out: all heads.", show_default=False),
    ] = None,
    head: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="As --layer; give both.", show_default=False)
    ] = None,
    size: Size = None,
    paint: Annotated[
        str | None,
        typer.Option(
            metavar="RECTANGLE",
            help="Paint over a part of the photo A: left,top,right,bottom in per cent, and black or grey.",
            show_default=False,
        ),
    ] = None,
    paint_b: Annotated[
        str | None, typer.Option(metavar="RECTANGLE", help="As --paint, of B.", show_default=False)
    ] = None,
    off: Annotated[
        str | None,
        typer.Option(metavar="HEADS", help="Heads of A that are off, as 3.1-4.0: layer and head.", show_default=False),
    ] = None,
    off_b: Annotated[str | None, typer.Option(metavar="HEADS", help="As --off, of B.", show_default=False)] = None,
    by: Annotated[Literal["mean", "zero"], typer.Option(help="What stands in for a head that is off.")] = "mean",
    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="POSITIONS",
            help="Tokens, or patches by their position, of A and B that correspond, whatever is found, as 3.4-5.x; x: "
            "no partner.",
            show_default=False,
        ),
    ] = None,
    stage: Stage = None,
    words: Words = False,
    without_special: WithoutSpecial = False,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="A .csv or .json to write; else it is printed.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say which heads differ most between A and B.

    Two inputs of one model, or two models on one input; or one input as it is and with a part painted over, or with
    heads switched off. A head's difference is the Jensen–Shannon divergence of its rows, from 0 to 1; of models with
    other numbers of layers or heads, each head of A is compared with the closest of B. With --layer and --head: where
    that head's weights differ.
    """
    if out is not None:
        check_ending(out, ".csv", ".json")
    if (layer is None) != (head is None):
        raise InputError("One head has a layer and a number; give both --layer and --head, or neither.")
    opener = _Opener(device, How(size_of(size)), stage)
    changes = Changes(rectangle_of(paint), heads_off(off), by), Changes(rectangle_of(paint_b), heads_off(off_b), by)
    first = seen(opener.open(a, model, changes[0]), words, without_special)
    check_place(first, layer=layer, head=head)
    from headlens.model.comparison.alignment import align
    from headlens.model.comparison.comparison import compare as compared
    from headlens.model.comparison.corrections import corrected

    second = opener.open(a if b is None else b, model if model_b is None else model_b, changes[1])
    second = seen(second, words, without_special)
    comparison = compared(first, second, corrected(align(first, second), first, second, corrections_of(pairs)))
    table = _heads(comparison) if layer is None or head is None else _weights(comparison, layer, head)
    if out is not None:
        write_out(out, _sheet(table) if out.suffix.lower() == ".csv" else json.dumps(_facts(comparison, table)))
    if as_json:
        print_json(_facts(comparison, table))
    elif out is None:
        from headlens.viz.view.visible import visible  # tokens are anybody's, and a terminal obeys some

        shown = [
            [f"{cell:.4f}" if isinstance(cell, float) else visible(str(cell)) for cell in row] for row in table.top
        ]
        print_table(table.heading, shown)
        typer.echo(table.note)


class _Opener:
    """Opens recordings, or makes them; a model that is asked for again is not loaded again.

    Args:
        device: of the models.
        how: inputs are recorded.
        stage: of the recordings; None: their own.
    """

    def __init__(self, device: str, how: How, stage: str | None) -> None:
        self._device, self._how, self._stage = device, how, stage
        self._models: dict[tuple[str | None, tuple[str, ...]], Model] = {}

    def open(self, given: str, model: str | None, changes: Changes) -> "Recording":
        """The recording of what is given. Raises what opening and recording raise."""
        if given.lower().endswith(RECORDING):
            if changes:
                raise InputError(f"{given!r:.80} has been recorded; give its text or photo for --paint and --off.")
            return open_recording(Path(given), self._stage)
        items = collect([given], [], [])
        if len(items) != 1:
            raise InputError(f"{given!r:.80} holds {len(items):,} inputs; give one text, photo or recording.")
        key = model, ("image",) if isinstance(items[0].content, Path) else ("text",)
        if key not in self._models:
            self._models[key] = open_model(*key, self._device)
        self._how.check(self._models[key], items)
        content, opened = items[0].content, self._models[key]
        if changes:
            recording = changes.record(opened, content, self._how.size)
        else:
            recording = record_one(opened, content, self._how)
        try:
            return recording if self._stage is None else recording.of(self._stage)
        except ValueError as error:
            raise InputError(str(error)) from error


class _Table(NamedTuple):
    """What a comparison says."""

    heading: tuple[str, ...]
    rows: "list[tuple[int | float | str, ...]]"
    top: "list[tuple[int | float | str, ...]]"  # of the rows, those that differ most
    note: str


def _heads(comparison: "Comparison") -> _Table:
    """A row for each head."""
    import numpy as np

    heads, divergence = comparison.partners()
    same = comparison.same_shape
    found = [((layer, head), tuple(map(int, heads[layer, head]))) for layer, head in np.ndindex(divergence.shape)]
    rows: list[tuple[int | float | str, ...]] = [
        (*own, *(() if same else theirs), float(divergence[own])) for own, theirs in found
    ]
    order = np.argsort(-divergence, axis=None, kind="stable")[:TOP]  # nan comes last
    shares = np.mean(
        [comparison.unpaired(*own, (theirs[0], theirs[1])) for own, theirs in map(found.__getitem__, order)], axis=0
    )
    return _Table(
        ("layer", "head", *(() if same else ("layer_b", "head_b")), "divergence"),
        rows,
        [rows[index] for index in order],
        f"In these heads, {_alone(float(shares[0]), float(shares[1]))}",
    )


def _weights(comparison: "Comparison", layer: int, head: int) -> _Table:
    """A row for each weight of a head."""
    import numpy as np

    other = None
    if not comparison.same_shape:
        heads, _ = comparison.partners()
        other = int(heads[layer, head][0]), int(heads[layer, head][1])
    found = comparison.beside(layer, head, other)
    difference = found.difference
    names = comparison.alignment.names
    rows: list[tuple[int | float | str, ...]] = [
        (query, names[query], key, names[key], *(float(each[query, key]) for each in (found.a, found.b, difference)))
        for query, key in np.ndindex(difference.shape)
    ]
    order = np.argsort(-np.abs(difference), axis=None, kind="stable")[:TOP]  # nan comes last
    beside = "" if other is None else f"Beside it: layer {other[0]}, head {other[1]} of B. "
    return _Table(
        ("query", "query_token", "key", "key_token", "a", "b", "difference"),
        rows,
        [rows[index] for index in order],
        f"{beside}In this head, {_alone(*found.unpaired)}",
    )


def _alone(own: float, theirs: float) -> str:
    if own != own:
        return "nothing is compared: A and B have no position in common."
    return f"{own:.1%} of A's weight and {theirs:.1%} of B's lie on positions without a partner."


def _sheet(table: _Table) -> str:
    from headlens.viz.export.data import guarded, table_of

    cells = [tuple(guarded(cell) if isinstance(cell, str) else number(cell) for cell in row) for row in table.rows]
    return table_of(table.heading, cells)


def _facts(comparison: "Comparison", table: _Table) -> dict[str, object]:
    """What is said to machines."""
    from headlens.model import __version__

    rows = [[finite(cell) if isinstance(cell, float) else cell for cell in row] for row in table.rows]
    return {
        "program": f"Headlens {__version__}",
        "model": comparison.a.model.name,
        "model_b": comparison.b.model.name,
        "note": table.note,
        "rows": [dict(zip(table.heading, row)) for row in rows],
    }
