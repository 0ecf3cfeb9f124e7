"""Many inputs through a model, as few runs as change nothing: what fails is named, the rest goes on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from headlens.model.errors import HeadlensError, InputError
from headlens.viz.cli.inputs import SOUNDS, Item

if TYPE_CHECKING:
    from headlens.model.inputs.image import Size
    from headlens.model.protocol import (
        CaptionModel,
        ImageModel,
        ImageTextModel,
        Model,
        SoundModel,
        TextModel,
        WritingModel,
    )
    from headlens.model.recording.recording import Recording

OF_PHOTOS = ("image", "image-text", "caption")  # kinds of models
MAX_ROWS = 2_048  # tokens of a run
WINDOW = 256  # texts among which those of one length are looked for


@dataclass(frozen=True)
class How:
    """How inputs are recorded, beside the model."""

    size: "Size | None" = None  # of photos
    prompt: str | None = None  # the text behind a photo, of a model that reads both
    write: int = 0  # tokens that the model writes on
    chat: bool = False  # whether each text is a message, read by the chat template of the model's tokenizer
    system: str = ""  # the message before it

    def check(self, model: "Model", items: Sequence[Item]) -> None:
        """Raises InputError for what a model does not read."""
        kind, name = model.description.kind, model.description.name
        _check_sounds(kind, name, items)
        photos = [] if kind == "sound" else [item for item in items if isinstance(item.content, Path)]
        texts = [item for item in items if not isinstance(item.content, Path)]
        if photos and kind not in OF_PHOTOS:
            raise InputError(f"{name} reads texts, and {photos[0].name!r:.80} is a photo; give a model of photos.")
        if texts and kind in OF_PHOTOS:
            raise InputError(f"{name} reads photos, and {texts[0].name!r:.80} is no file; give the path of a photo.")
        if (self.prompt is not None) != (kind == "image-text"):
            if kind == "image-text":
                raise InputError(f"{name} reads a photo with a text; give the text by --text.")
            raise InputError(f"{name} reads no text with a photo; leave out --text.")
        if self.size is not None and not photos:
            raise InputError("--size is of photos; leave it out.")
        if self.write and kind not in ("causal", "sequence", "caption"):
            raise InputError(f"{name} does not write; leave out --write.")
        if self.chat and not getattr(model, "chats", False):
            raise InputError(f"{name} has no chat template; leave out --chat and --system.")
        if self.chat and any(not isinstance(item.content, str) for item in texts):
            raise InputError("A chat has one message and no pair; give one text.")
        if self.write and any(not isinstance(item.content, str) for item in texts):
            raise InputError("A model writes on from one text and not from a pair; give one text.")


def _check_sounds(kind: str, name: str, items: Sequence[Item]) -> None:
    """Raises InputError for a sound and a model that hears none, or the other way round."""
    for item in items:
        is_sound = isinstance(item.content, Path) and item.content.suffix.lower() in SOUNDS
        if is_sound and kind != "sound":
            raise InputError(
                f"{name} hears no sounds, and {item.name!r:.80} is one; give a model of sounds by --model."
            )
        if kind == "sound" and not is_sound:
            raise InputError(f"{name} hears sounds, and {item.name!r:.80} is none; give the path of a .wav or .flac.")


class Result(NamedTuple):
    """What became of one input."""

    number: int  # of the input, from 0
    recording: "Recording | None"
    reason: str = ""  # why there is no recording


def recorded(model: "Model", items: Sequence[Item], how: How) -> Iterator[Result]:
    """The recording of each input, in the order in which they are made; or why there is none."""
    for group in _groups(model, items, how):
        recordings = _together(model, items, group) if len(group) > 1 else None
        if recordings is not None:
            yield from (Result(index, recording) for index, recording in zip(group, recordings))
            continue
        for index in group:
            try:
                result = Result(index, record_one(model, items[index].content, how))
            except HeadlensError as error:
                result = Result(index, None, str(error))
            except Exception as error:  # a model of anybody's may fail in its own way on one input
                result = Result(index, None, f"{type(error).__name__}: {error}")
            yield result


def record_one(model: "Model", content: str | tuple[str, str] | Path, how: How) -> "Recording":
    """One recording. Raises as `record` of the model does."""
    if model.description.kind == "sound":
        return cast("SoundModel", model).record(cast(Path, content))
    if isinstance(content, Path):
        if how.prompt is not None:
            return cast("ImageTextModel", model).record(content, how.prompt, how.size)
        if how.write:
            return cast("CaptionModel", model).record(content, how.size, count=how.write)
        return cast("ImageModel", model).record(content, how.size)
    from headlens.model.inputs.text import Chat  # the help of a command needs no tokenizer

    given = Chat(content, how.system) if how.chat and isinstance(content, str) else content
    if how.write and not isinstance(given, tuple):
        return cast("WritingModel", model).write(given, how.write)
    return cast("TextModel", model).record(given)


def _groups(model: "Model", items: Sequence[Item], how: How) -> Iterator[list[int]]:
    """The indices of the inputs of each run: texts of one length, which need no padding; all else by itself."""
    if model.description.kind not in ("text", "causal") or how.write or how.chat:
        yield from ([index] for index in range(len(items)))
        return
    for first in range(0, len(items), WINDOW):
        by_length: dict[int, list[int]] = {}
        for index in range(first, min(first + WINDOW, len(items))):
            by_length.setdefault(_length(cast("TextModel", model), items[index]), []).append(index)
        for length, indices in by_length.items():
            count = max(1, MAX_ROWS // length) if length else 1
            yield from (indices[at : at + count] for at in range(0, len(indices), count))


def _length(model: "TextModel", item: Item) -> int:
    """Tokens of a text; 0 of one that cannot be read, which says why when it is recorded."""
    assert not isinstance(item.content, Path)
    try:
        return len(model.read(item.content).ids)
    except Exception:
        return 0


def _together(model: "Model", items: Sequence[Item], group: Sequence[int]) -> "list[Recording] | None":
    """The recordings of texts from one run; None where it fails, so that each is tried by itself."""
    texts = [cast("str | tuple[str, str]", items[index].content) for index in group]
    try:
        return cast("TextModel", model).record_batch(texts)
    except Exception:
        return None
