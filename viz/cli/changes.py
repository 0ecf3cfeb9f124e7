"""What is changed of an input or a model before it is recorded, as the command line has it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headlens.model.errors import InputError
from headlens.viz.view.numbers import is_number

if TYPE_CHECKING:
    from headlens.model.comparison.corrections import Correction
    from headlens.model.effects.heads import By
    from headlens.model.inputs.image import Size
    from headlens.model.inputs.paint import Rectangle
    from headlens.model.protocol import Model
    from headlens.model.recording.recording import Recording

KINDS = ("text", "causal", "image")  # of models whose heads are switched off here


@dataclass(frozen=True)
class Changes:
    """A rectangle that is painted over a photo, and heads that are off."""

    rectangle: "Rectangle | None" = None
    off: tuple[tuple[int, int], ...] = ()
    by: "By" = "mean"

    def __bool__(self) -> bool:
        return self.rectangle is not None or bool(self.off)

    def record(self, model: "Model", content: str | tuple[str, str] | Path, size: "Size | None") -> "Recording":
        """The recording of a text or a photo, changed. Raises InputError for what cannot be changed so."""
        from headlens.model.effects.experiment import Experiment
        from headlens.model.effects.recorded import record_without
        from headlens.model.inputs.image_file import open_image
        from headlens.model.inputs.paint import painted

        name, kind = model.description.name, model.description.kind
        if kind not in KINDS:
            raise InputError(f"{name} reads more than a text or a photo; leave out --paint and --off.")
        reads: Any = model
        if not isinstance(content, Path):
            if self.rectangle is not None:
                raise InputError("--paint is of photos, and this is a text; leave it out.")
            return record_without(Experiment(reads, reads.read(content)), self.off, by=self.by)
        image = open_image(content)
        image = image if self.rectangle is None else painted(image, self.rectangle)
        if not self.off:
            recorded: Recording = reads.record(image, size)
            return recorded
        return record_without(Experiment(reads, reads.read(image, size)), self.off, by=self.by)


def rectangle_of(text: str | None) -> "Rectangle | None":
    """What --paint says: "30,20,60,50" or "30,20,60,50,black". Raises InputError."""
    from headlens.model.inputs.paint import Rectangle

    if text is None:
        return None
    *numbers, colour = text.split(",") if text.count(",") == 4 else (*text.split(","), "grey")
    if len(numbers) != 4 or not all(map(is_number, numbers)):
        raise InputError(f"{text!r:.40} is no rectangle; give left,top,right,bottom in per cent, as 30,20,60,50.")
    return Rectangle(*map(int, numbers), colour=colour)  # type: ignore[arg-type, misc]  # it is checked there


def heads_off(text: str | None) -> tuple[tuple[int, int], ...]:
    """What --off says: layers and heads, "3.1-4.0". Raises InputError."""
    found = []
    for part in [] if text is None else text.split("-"):
        layer, _, head = part.partition(".")
        if not (is_number(layer) and is_number(head)):
            raise InputError(f"{text!r:.40} names no heads; give layers and heads as 3.1-4.0.")
        found.append((int(layer), int(head)))
    return tuple(found)


def corrections_of(text: str | None) -> "tuple[Correction, ...]":
    """What --pairs says: positions of A and of B, "3.4-5.x-x.7". Raises InputError."""
    found = []
    for part in [] if text is None else text.split("-"):
        own, _, theirs = part.partition(".")
        if not all(each == "x" or is_number(each) for each in (own, theirs)):
            raise InputError(f"{text!r:.40} names no pairs; give positions in A and B as 3.4-5.x, x for none.")
        pair = tuple(None if each == "x" else int(each) for each in (own, theirs))
        found.append((pair[0], pair[1]))
    return tuple(found)
