"""`headlens roles`: what each head of a saved recording does."""

from typing import TYPE_CHECKING

from headlens.viz.cli.opening import open_recording
from headlens.viz.cli.options import Json, Saved, Stage, Table
from headlens.viz.cli.output import check_ending, finite, number, print_json, print_table, write_out

if TYPE_CHECKING:
    from headlens.model.analysis.roles.naming import Named


def roles(file: Saved, stage: Stage = None, out: Table = None, as_json: Json = False) -> None:
    """Name what each head of a saved recording does.

    What rests on special tokens, or on a causal model's first token, is taken away before; the table says how much it
    was. A head is called after a role that four positions and a third of all that look can tell. A .csv or JSON has all
    scores; their definitions and sources are on the pages.
    """
    if out is not None:
        check_ending(out, ".csv")
    from headlens.model.analysis.joint import joined
    from headlens.model.analysis.roles.recorded import RecordedRoles

    recording = joined(open_recording(file, stage))
    recorded = RecordedRoles(recording)
    sums, keys = recorded.of_all(), [role.key for role in recorded.roles]
    heads = [(layer, head) for layer in range(recording.num_layers) for head in range(recording.num_heads)]
    called, scores = recorded.called(sums), sums.mean.reshape(len(keys), -1).T.tolist()
    if out is not None:
        from headlens.viz.export.data import table_of

        rows = [(*head, _key(name), *map(number, row)) for head, name, row in zip(heads, called, scores)]
        write_out(out, table_of(("layer", "head", "role", *keys), rows))
    if as_json:
        print_json(
            [
                {
                    "layer": head[0],
                    "head": head[1],
                    "role": _key(name) or None,
                    "scores": dict(zip(keys, map(finite, row))),
                }
                for head, name, row in zip(heads, called, scores)
            ]
        )
    elif out is None:
        special = keys.index("special")
        print_table(
            ("layer", "head", "special tokens", "role"),
            [(*map(str, head), f"{row[special]:.2f}", _words(name)) for head, name, row in zip(heads, called, scores)],
        )


def _key(named: "Named | None") -> str:
    return named.role.key if named is not None and named.stands_out else ""


def _words(named: "Named | None") -> str:
    if named is None:
        return "none can be told"
    said = f"{named.role.name} {named.score:.2f}"
    return said if named.stands_out else f"none stands out (nearest: {said})"
