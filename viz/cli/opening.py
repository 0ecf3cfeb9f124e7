"""Models and recordings by the names that are given on the command line."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headlens.model.errors import DeviceError, HeadlensError, InputError

if TYPE_CHECKING:
    from headlens.model.inputs.image import Size
    from headlens.model.protocol import Model
    from headlens.model.recording.recording import Recording
    from headlens.viz.view.chosen import Head


def open_model(name: str | None, kinds: tuple[str, ...], device: str) -> "Model":
    """A model, ready to record.

    Args:
        name: as of `load_model`; None: the bundled model that a page of these kinds starts with.
        kinds: of models, see `Description`.
        device: "auto", "cuda", "mps" or "cpu".

    Raises InputError for a name or device that there is not, CheckpointError for a model that cannot be recorded.
    """
    from headlens.model.device import pick_device
    from headlens.model.load import load_model
    from headlens.model.pretrained.registry import default_for

    name = default_for(kinds).name if name is None else name
    if sys.stderr.isatty():
        typer.echo(f"Loading {name} …", err=True)
    try:
        pick_device(device)
        return load_model(name, device)
    except DeviceError as error:  # of this machine, before anything ran
        raise InputError(str(error)) from error
    except HeadlensError:
        raise
    except ValueError as error:
        raise InputError(str(error)) from error


def open_recording(path: Path, stage: str | None = None) -> "Recording":
    """A saved recording, or a stage of it. Raises RecordingError for a file that is none, InputError for the stage."""
    from headlens.model.recording.recording import Recording

    recording = Recording.load(path)
    try:
        return recording if stage is None else recording.of(stage)
    except ValueError as error:
        raise InputError(str(error)) from error


def seen(recording: "Recording", words: bool, without_special: bool) -> "Recording":
    """What the options --words and --without-special make of a recording."""
    recording = recording.without_special() if without_special else recording
    return recording.merged("words") if words else recording


def check_place(
    recording: "Recording", *, layer: int | None = None, head: int | None = None, query: int | None = None
) -> None:
    """Raises InputError for a layer, head or query that a recording does not have."""
    counts = {"layer": recording.num_layers, "head": recording.num_heads, "query": recording.num_tokens}
    for (name, count), value in zip(counts.items(), (layer, head, query)):
        if value is not None and not 0 <= value < count:
            raise InputError(f"There is no {name} {value}; this recording has {name} 0 to {count - 1}.")


def queries_of(text: str) -> tuple[int, ...]:
    """The positions that the option --query says, sorted. Raises InputError."""
    from headlens.viz.view.chosen import LARGEST, read_runs

    if queries := read_runs(text, LARGEST):
        return queries
    raise InputError(f"{text!r:.40} names no position; give one, from 0, or several as 3-9.12.")


def heads_of(text: str) -> "tuple[Head, ...]":
    """Each layer and head that the option --heads says, sorted. Raises InputError."""
    from headlens.viz.view.chosen import LARGEST, read_heads

    if heads := read_heads(text, LARGEST, LARGEST):
        return heads
    raise InputError(f"{text!r:.40} names no heads; give them as 2~0-3_4~1: layer 2 heads 0 to 3, layer 4 head 1.")


def size_of(text: str | None) -> "Size | None":
    """What the option --size says. Raises InputError."""
    if text is None or text == "letterbox":
        return "letterbox" if text else None
    if not text.isascii() or not text.isdigit():
        raise InputError(f"{text!r:.40} is no size; give pixels, 224 to 1036, or letterbox.")
    return int(text)
