"""Some inputs run through a model, and all that an atlas wants of them: the one function of every engine."""

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

import numpy as np
from PIL import Image

from headlens.model.analysis.roles.positions import Positions
from headlens.model.analysis.roles.recorded import positions_of
from headlens.model.atlas.best import best_of, entries_of
from headlens.model.atlas.files import Remote
from headlens.model.atlas.findings import Findings, Scores, findings
from headlens.model.atlas.gathered import Failed, Gathered, Limits, Seen, merge, named_in
from headlens.model.atlas.items import Item
from headlens.model.atlas.kept import Kept, keep, priority_of
from headlens.model.atlas.measures import MEASURES
from headlens.model.atlas.rows import Place, Rows, rows_of, still_named
from headlens.model.atlas.tally import tally
from headlens.model.base import AnyModel, RecordingModel
from headlens.model.errors import HeadlensError, InputError
from headlens.model.inputs.image import ImageInput, Size
from headlens.model.inputs.text import TextInput
from headlens.model.protocol import Model
from headlens.model.recording.recording import Recording

KINDS = {"text": "texts", "causal": "texts", "sequence": "texts", "image": "photos"}  # models, and what they read
BATCH_TOKENS = 1_024  # of a run, with its padding
BLANK = Image.new("RGB", (64, 64))
PICTURE = 256  # pixels of the longer side of a picture that is kept
Read = TextInput | ImageInput


class Recorded(NamedTuple):
    """An input that was run."""

    item: Item
    recording: Recording
    positions: Positions


def reader_of(model: Model, kind: str, size: Size | None = None) -> AnyModel:
    """The model, which reads inputs of this kind, "texts" or "photos", these at this size.

    Raises InputError for one that does not.
    """
    reads, name = KINDS.get(model.description.kind), model.description.name
    if reads is None:
        raise InputError(
            f"{name} reads neither texts alone nor photos alone, of which an atlas is; take another model."
        )
    if reads != kind:
        raise InputError(f"{name} reads {reads}, and these are {kind}; give another model or another data set.")
    assert isinstance(model, RecordingModel)
    if size is not None:
        if kind == "texts":
            raise InputError("A size is of photos; leave it out.")
        model.read(BLANK, size)  # type: ignore[attr-defined]  # else it is refused at each photo
    return model


def gather(
    model: AnyModel, items: Sequence[Item], limits: Limits, *, size: Size | None = None, tokens: int = BATCH_TOKENS
) -> Gathered:
    """All that an atlas wants of some inputs.

    Args:
        model: that reads them, see `reader_of`.
        items: as many as fit into memory once they are read.
        limits: of what is kept.
        size: of photos, as `read` takes it.
        tokens: of one run at most, unless a single input has more.
    """
    read, failed = read_all(model, items, size)
    gathered = Gathered(limits, failed=failed)
    scores: list[Scores] = []
    rows: Rows = {}
    for batch in batches_of(read, tokens):
        gathered, of_batch = _with_batch(model, batch, gathered, scores)
        rows = still_named(gathered.best, {**rows, **of_batch})
    return replace(gathered, tallies=_tallies(scores), rows=rows)


def _tallies(found: Sequence[Scores]) -> dict[str, np.ndarray]:
    """Of each measure, by what several groups of inputs say of it."""
    tallies = {}
    for name in sorted({name for each in found for name in each.values}):
        known = [each for each in found if name in each.values]
        values, enough = (
            np.concatenate(parts) for parts in zip(*((each.values[name], each.enough[name]) for each in known))
        )
        tallies[name] = tally(values, enough, MEASURES[name])
    return tallies


def _with_batch(
    model: AnyModel, batch: Sequence[tuple[Item, Read]], gathered: Gathered, scores: list[Scores]
) -> tuple[Gathered, Rows]:
    """What was gathered with a batch, and rows of it; scores are added to the list.

    The batch's recordings are gone when it returns.
    """
    recorded, failed = _run(model, batch)
    rows: dict[Place, np.ndarray] = {}
    gathered = merge(gathered, Gathered(gathered.limits, failed=failed))
    for _, alike in groupby(recorded, key=lambda each: each.positions.layout):
        group = list(alike)
        found = findings([each.recording for each in group], [each.positions for each in group])
        scores.append(found.scores)
        gathered = merge(gathered, _worth_keeping(group, found, gathered))
        rows |= rows_of(gathered.best, [each.item.number for each in group], found.rows)
    return gathered, rows


def read_all(
    model: AnyModel, items: Sequence[Item], size: Size | None
) -> tuple[list[tuple[Item, Read]], dict[int, Failed]]:
    """What could be read, and why the rest could not."""
    read: list[tuple[Item, Read]] = []
    failed: dict[int, Failed] = {}
    for item in items:
        if item.content is None:
            failed[item.number] = Failed(item.id, item.reason)
            continue
        options = () if size is None else (size,)
        try:
            content = item.content.read_photo() if isinstance(item.content, Remote) else item.content
            read.append((item, model.read(content, *options)))  # type: ignore[attr-defined]
        except Exception as error:
            failed[item.number] = Failed(item.id, _reason(error))
    return read, failed


def batches_of(read: Sequence[tuple[Item, Read]], tokens: int) -> list[list[tuple[Item, Read]]]:
    """Sorted by length, and cut where a run, filled up to its longest input, would have more tokens."""
    batches: list[list[tuple[Item, Read]]] = []
    for pair in sorted(read, key=lambda pair: (_length(pair[1]), pair[0].number)):
        if not batches or (len(batches[-1]) + 1) * _length(pair[1]) > tokens:
            batches.append([])
        batches[-1].append(pair)
    return batches


def _length(read: Read) -> int:
    return len(read.ids) if isinstance(read, TextInput) else read.photo.grid[0] * read.photo.grid[1]


def _run(model: AnyModel, batch: Sequence[tuple[Item, Read]]) -> tuple[list[Recorded], dict[int, Failed]]:
    """The recording of each input; where they do not run together, each by itself."""
    items = [item for item, _ in batch]
    try:
        recordings = model.record_attention([read for _, read in batch])
        return list(map(Recorded, items, recordings, map(positions_of, recordings))), {}
    except Exception as error:  # a model of anybody's may fail in its own way on one input
        if len(batch) == 1:
            return [], {items[0].number: Failed(items[0].id, _reason(error))}
    alone = [_run(model, [pair]) for pair in batch]
    return [each for recorded, _ in alone for each in recorded], {
        number: why for _, failed in alone for number, why in failed.items()
    }


def _reason(error: Exception) -> str:
    said = str(error) if isinstance(error, HeadlensError) else f"{type(error).__name__}: {error}"
    return " ".join(said.split())[:500]


def _worth_keeping(recorded: Sequence[Recorded], found: Findings, before: Gathered) -> Gathered:
    """Of inputs of one layout all but the tallies; before: what was gathered, of which not all may be kept."""
    limits = before.limits
    numbers = np.array([each.item.number for each in recorded])
    best = {
        name: best_of(entries_of(values, numbers, found.queries, found.keys), limits.best)
        for name, values in found.excited.items()
    }
    kept = _kept(recorded, before)
    named = set(named_in(best, kept))
    return Gathered(
        limits,
        best=best,
        kept=kept,
        seen={each.item.number: _seen(each) for each in recorded if each.item.number in named},
        inputs=len(recorded),
        tokens=sum(each.recording.num_tokens for each in recorded),
    )


def _kept(recorded: Sequence[Recorded], before: Gathered) -> dict[int, Kept]:
    """Of those whose priorities are low enough; no vectors are copied of the others."""
    limits = before.limits
    order = sorted((priority_of(limits.seed, each.item.id), each.item.number, each.recording) for each in recorded)
    lower = (
        max((kept.priority for kept in before.kept.values()), default=0) if len(before.kept) == limits.vectors else None
    )
    kept: dict[int, Kept] = {}
    for priority, number, recording in order[: limits.vectors]:
        if lower is None or priority <= lower:
            vectors = keep(recording, priority, limits.positions)
            kept |= {} if vectors is None else {number: vectors}
    return kept


def _seen(each: Recorded) -> Seen:
    recording = each.recording
    return Seen(
        each.item.id,
        recording.texts,
        recording.tokens,
        tuple(recording.special.tolist()),
        recording.grid,
        b"" if recording.photo is None else _picture(recording.photo.pixels),
    )


def _picture(pixels: np.ndarray) -> bytes:
    image, file = Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((PICTURE, PICTURE))
    image.save(file, "JPEG", quality=85)
    return file.getvalue()
