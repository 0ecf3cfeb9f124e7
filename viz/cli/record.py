"""`headlens record`: recordings of many inputs, a file each."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headlens.model.errors import InputError, RecordingError
from headlens.viz.cli.failed import RunFailedError
from headlens.viz.cli.inputs import Item, collect
from headlens.viz.cli.naming import file_name
from headlens.viz.cli.opening import open_model, size_of
from headlens.viz.cli.options import Device, Json, ModelName, Size
from headlens.viz.cli.output import print_json
from headlens.viz.cli.runs import How, Result, recorded

if TYPE_CHECKING:
    from headlens.model.protocol import Model

ENDING = ".safetensors"


def record(
    out: Annotated[
        Path, typer.Option(metavar="PATH", help="A folder, made if need be; of one input also a file .safetensors.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INPUT...",
            help="A text; @file.txt, a text a line; - for the same on standard input; a CSV with --column; a photo "
            "or a sound; a folder of them. @@… is a text that begins with @.",
            show_default=False,
        ),
    ] = None,
    model: ModelName = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH", help="As @PATH: a text file, or a CSV with --column.", show_default=False),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Of a CSV: where the texts are; twice for pairs.", show_default=False),
    ] = None,
    size: Size = None,
    text: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Behind each photo, of models that read both.", show_default=False),
    ] = None,
    write: Annotated[
        int, typer.Option(metavar="COUNT", min=0, max=1_000, help="Tokens that the model writes on, and records.")
    ] = 0,
    chat: Annotated[
        bool, typer.Option("--chat", help="Each text is a message, read by the chat template of the model's tokenizer.")
    ] = False,
    system: Annotated[
        str,
        typer.Option(metavar="TEXT", help="The system message of each --chat, which it implies.", show_default=False),
    ] = "",
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Record texts, photos or sounds, a file each.

    What fails is listed at the end, and the rest is kept. Files are called after their inputs; the same input with the
    same model replaces its own file, and nothing else.
    """
    items = collect(inputs or [], file or [], column or [])
    how = How(size_of(size), text, write, chat or bool(system), system)
    if out.suffix.lower() == ENDING and len(items) > 1:
        raise InputError(f"{out.name!r} is one file, and there are {len(items):,} inputs; give a folder.")
    photos = [isinstance(item.content, Path) for item in items]
    if any(photos) != all(photos):
        raise InputError("Texts and photos are read by different models; record them by two commands.")
    kinds = (
        ("image-text" if text is not None else "image",) if photos[0] else ("causal" if write or how.chat else "text",)
    )
    _make(out if out.suffix.lower() != ENDING else out.parent)
    opened = open_model(model, kinds, device)
    how.check(opened, items)
    _Recorder(opened, items, how, out=out).run(as_json)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"There can be no folder {str(folder)!r} ({error.strerror}); take another --out.") from error


class _Recorder:
    """Records inputs, and knows what became of them.

    Args:
        model: that reads them.
        items: the inputs.
        how: they are recorded.
        out: a folder, or the file of one.
    """

    def __init__(self, model: "Model", items: Sequence[Item], how: How, *, out: Path) -> None:
        self.model, self.items, self.how, self.out = model, items, how, out
        self.done: dict[int, dict[str, object]] = {}  # by the number of the input
        self.failed: dict[int, str] = {}

    def run(self, as_json: bool) -> None:
        """Record all, and say what became of them. Raises RunFailedError where not all could be."""
        stopped = True
        try:
            with typer.progressbar(length=len(self.items), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
                for result in recorded(self.model, self.items, self.how):
                    self._keep(result)
                    bar.update(1)
            stopped = False
        finally:
            self._report(as_json, stopped)
        if self.failed:
            count = len(self.failed)
            kept = ", and the others are kept" if count < len(self.items) else ""
            raise RunFailedError(f"{count:,} of {len(self.items):,} failed{kept}.")

    def _keep(self, result: Result) -> None:
        """Raises RunFailedError where nothing can be written, which the next input would meet again."""
        item, recording = self.items[result.number], result.recording
        if recording is None:
            self.failed[result.number] = result.reason
            return
        path = self.out
        if path.suffix.lower() != ENDING:
            made = f"{self.model.description.name}\0{self.how}"
            path /= file_name(item, result.number + 1, made=made)
        try:
            recording.save(path)
        except RecordingError as error:
            if not isinstance(error.__cause__, ValueError):
                raise RunFailedError(str(error)) from error
            self.failed[result.number] = str(error)  # the recording itself cannot be saved
            return
        self.done[result.number] = {"input": item.name, "file": str(path), "tokens": recording.num_tokens}

    def _report(self, as_json: bool, stopped: bool) -> None:
        failed = [{"input": self.items[index].name, "reason": reason} for index, reason in sorted(self.failed.items())]
        for entry in failed:
            typer.echo(f"failed: {entry['input']:.80}: {entry['reason']}", err=True)
        how_far = "Stopped: " if stopped else ""
        typer.echo(f"{how_far}{len(self.done):,} of {len(self.items):,} recorded in {self.out}", err=True)
        if as_json:
            done = [entry for _, entry in sorted(self.done.items())]
            print_json({"recorded": done, "failed": failed, "stopped": stopped})
