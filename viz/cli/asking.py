"""What `headlens explain` and `headlens heads` ask a model about: an input and a target."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.inputs import PHOTOS, Item
from headlens.viz.cli.opening import open_model, size_of
from headlens.viz.cli.runs import How

if TYPE_CHECKING:
    from headlens.model.base import AnyModel
    from headlens.model.effects.choices import Choice, Region
    from headlens.model.effects.experiment import Experiment
    from headlens.model.effects.targets import Target
    from headlens.model.protocol import ImageModel, ImageTextModel, TextModel, WritingModel

Input = Annotated[str, typer.Argument(metavar="INPUT", help="A text, or the path of a photo.")]
Second = Annotated[
    str | None, typer.Option("--pair", metavar="TEXT", help="A text read with the first one.", show_default=False)
]
Prompt = Annotated[
    str | None,
    typer.Option("--text", metavar="TEXT", help="Behind a photo, of models that read both.", show_default=False),
]
Write = Annotated[
    int, typer.Option(metavar="COUNT", min=0, max=1_000, help="Tokens that the model writes on before it is asked.")
]
About = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="WHAT",
        help="What is asked about: similarity, movement, class, next.4 (after position 4) …; `list` prints what there "
        "is, of which the first is taken by default.",
        show_default=False,
    ),
]
Candidate = Annotated[
    str | None, typer.Option(metavar="WORD", help="A token or class; by default the most probable.", show_default=False)
]
Against = Annotated[str, typer.Option(metavar="WORD", help="A token or class to subtract; second, others, or none.")]
Other = Annotated[
    str | None, typer.Option(metavar="TEXT", help="The other sentence, for similarity.", show_default=False)
]
Patches = Annotated[
    str | None,
    typer.Option(
        "--region", metavar="ROWS,COLUMNS", help="Of patches, for saliency: 3:5,0:4 (from, to).", show_default=False
    ),
]
LIST = "list"  # as --target
WRITTEN = 20  # tokens of a text that is written of another one, where --write does not say it


@dataclass(frozen=True)
class Asked:
    """What the options ask about."""

    target: str | None
    candidate: str | None
    against: str
    other: str | None
    region: str | None


def experiment_on(
    given: str,
    model: str | None,
    *,
    device: str,
    pair: str | None,
    size: str | None,
    how_prompted: str | None,
    write: int,
) -> "Experiment":
    """A model on the input that the options describe. Raises InputError, CheckpointError."""
    from headlens.model.effects.experiment import Experiment

    photo = os.path.isfile(given) and given.lower().endswith(PHOTOS)
    content: str | tuple[str, str] | Path = Path(given) if photo else given if pair is None else (given, pair)
    if photo and pair is not None:
        raise InputError("A photo has no --pair; leave it out.")
    kinds = ("image-text" if how_prompted is not None else "image",) if photo else ("causal" if write else "text",)
    opened = open_model(model, kinds, device)
    if opened.description.kind == "sequence":
        write = write or WRITTEN  # what it writes is what it can be asked about
    if opened.description.kind == "caption":
        raise InputError(
            f"{opened.description.name} writes captions, and what those rest on is not measured here; take a model "
            "that reads photos, with or without a text."
        )
    if opened.description.kind == "sound":
        raise InputError(
            f"{opened.description.name} hears sounds, and what its outputs rest on is not measured here; take a model "
            "of texts or photos."
        )
    how = How(size_of(size), how_prompted, write)
    how.check(opened, [Item(content, given)])
    if isinstance(content, Path):
        read: object = cast("ImageModel", opened).read(content, how.size)
        if how_prompted is not None:
            reader = cast("ImageTextModel", opened)
            read = reader.prompt(reader.read(content, how.size), how_prompted)
    elif write:
        read = cast("WritingModel", opened).continued(given, write)
    else:
        read = cast("TextModel", opened).read(content)
    return Experiment(cast("AnyModel", opened), read)


def target_of(experiment: "Experiment", asked: Asked) -> "Target | None":
    """What is asked about; None where the choices are to be listed, which it then does.

    Raises InputError for what the model cannot be asked.
    """
    from headlens.model.effects.choices import choices, target
    from headlens.viz.view.visible import visible

    offered = choices(experiment)
    if asked.target == LIST:
        for choice in offered:
            typer.echo(f"{choice!s:16}{visible(_in_words(experiment, choice))}")
        return None
    wanted = asked.target
    if wanted is None and asked.other is not None:
        wanted = "similarity"  # nothing else is said of another sentence
    return target(
        experiment,
        None if wanted is None else _choice(offered, wanted),
        candidate=_candidate(asked.candidate),
        against=None if asked.against == "none" else _candidate(asked.against),
        other=asked.other,
        region=None if asked.region is None else _region(asked.region),
    )


def about(experiment: "Experiment", target: "Target", given: str, *, method: str) -> dict[str, object]:
    """What the output for machines begins with: model and weights, input, what is asked, how, and the program."""
    from headlens.model import __version__

    model = experiment.model.description
    return {
        "program": f"Headlens {__version__}",
        "model": model.name,
        "revision": model.revision,
        "input": given,
        "target": str(target),
        "method": method,
    }


def _choice(offered: "list[Choice]", text: str) -> "Choice":
    """Of a kind with several positions the first, where none is said."""
    for choice in offered:
        if text in (str(choice), choice.kind.replace(" ", "-")):
            return choice
    names = ", ".join(map(str, offered[:8])) + (", …" if len(offered) > 8 else "")
    raise InputError(f"“{text:.40}” cannot be asked about here; take one of {names}.")


def _candidate(text: str | None) -> int | str | None:
    """“#42” is the candidate of that number; any other text a token or class."""
    return int(text[1:]) if text is not None and re.fullmatch(r"#[0-9]{1,9}", text) else text


def _region(text: str) -> "Region":
    match = re.fullmatch(r"(\d{1,4}):(\d{1,4}),(\d{1,4}):(\d{1,4})", text)
    if match is None:
        raise InputError(f"“{text:.40}” is no region; write rows and columns as 3:5,0:4.")
    top, bottom, left, right = map(int, match.groups())
    return (top, bottom), (left, right)


def _in_words(experiment: "Experiment", choice: "Choice") -> str:
    from headlens.model.effects.choices import WORDS, name_at

    return WORDS[choice.kind].format("" if choice.at is None else name_at(experiment, choice.at))
