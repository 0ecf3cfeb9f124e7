"""`headlens models`: what is bundled, and what a folder or an id of the Hub is."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headlens.model.errors import CheckpointError, DeviceError, InputError
from headlens.viz.cli.options import Device, Json
from headlens.viz.cli.output import print_json, print_table

if TYPE_CHECKING:
    from headlens.model.pretrained.checkpoint import Checkpoint

READS = {
    "text": "texts",
    "characters": "texts, in groups of characters",
    "causal": "texts, and writes on",
    "sequence": "texts, and writes others",
    "image": "photos",
    "image-text": "photos with texts",
    "caption": "photos, and writes of them",
    "sound": "sounds",
}


def models(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[FOLDER_OR_ID]", help="A folder, organisation/name of the Hub, or a bundled model."),
    ] = None,
    download: Annotated[
        bool,
        typer.Option("--download", help="Also the weights of an id of the Hub, to see whether it can be recorded."),
    ] = False,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """List the bundled models, or look at one.

    Of a folder or an id of the Hub: what it is, and whether it can be recorded, or why not.
    """
    from headlens.model import list_models

    catalogue = list_models()
    if name is None:
        rows = [_row(checkpoint) for checkpoint in catalogue.values()]
        if as_json:
            print_json(rows)
        else:
            print_table(list(rows[0]), [[_cell(value) for value in row.values()] for row in rows])
        return
    about = _row(catalogue[name]) if name in catalogue else _facts(name, download, device)
    if as_json:
        print_json(about)
    else:
        print_table(("name", name), [(key, _cell(value)) for key, value in about.items() if key != "name"])


def _cell(value: object) -> str:
    if value is None:
        return "not known"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _row(checkpoint: "Checkpoint") -> dict[str, object]:
    from importlib import metadata  # a tenth of what `headlens --help` takes

    try:
        metadata.distribution(checkpoint.distribution)
        installed = True
    except metadata.PackageNotFoundError:
        installed = False
    return {
        "name": checkpoint.name,
        "reads": READS[checkpoint.kind],
        "megabytes": checkpoint.megabytes,
        "installed": installed,
        "licence": checkpoint.licence,
        "good for": checkpoint.good_for,
    }


def _facts(name: str, download: bool, device: str) -> dict[str, object]:
    """What is known of it; "recordable" is None where that is not known without its weights.

    Raises InputError for what is neither a folder nor an id, CheckpointError where the Hub has no such model.
    """
    from headlens.model.device import pick_device
    from headlens.model.load import HUB_ID, load_model, open_base

    try:
        picked = pick_device(device)
    except DeviceError as error:
        raise InputError(str(error)) from error
    is_folder = os.path.isdir(name)
    if not is_folder and HUB_ID.fullmatch(name) is None:
        raise InputError(
            f"There is no model or folder {name!r:.80}; give one of these, or organisation/name of the Hub."
        )
    from headlens.model.huggingface.load.facts import read_facts
    from headlens.model.huggingface.load.hub import download as fetch

    folder = Path(name) if is_folder else fetch(name, weights=download)
    about: dict[str, object] = {"name": name}
    try:
        facts = read_facts(
            folder,
            picked,
            stored=is_folder or download,
            open_base=lambda adapter: open_base(adapter, is_folder or download),
        )
        about |= {
            "reads": READS[facts.kind],
            **({} if facts.adapter is None else {"adapter of": facts.adapter.base_name}),
            "architecture": facts.architecture,
            "parameters": facts.parameters,
            "layers": facts.layers,
            "heads": facts.heads,
            "megabytes": round(facts.needed / 1e6),
            "licence": facts.licence,
        }
        if not (is_folder or download):
            return {
                **about,
                "recordable": None,
                "reason": "its weights are not here; --download fetches and tries them",
            }
        facts.check_memory(name)
        load_model(str(folder), device)  # it is compared with its own eager attention
    except (CheckpointError, DeviceError) as error:
        return {**about, "recordable": False, "reason": str(error)}
    return {**about, "recordable": True, "reason": "its weights are those of its own eager attention"}
