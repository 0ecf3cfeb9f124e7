"""An atlas built from a data set: shard by shard, with what is done kept, so that it goes on where it was stopped."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from headlens.model.atlas.arrow import pyarrow
from headlens.model.atlas.atlas import Atlas, open_atlas
from headlens.model.atlas.gather import BATCH_TOKENS, gather, reader_of
from headlens.model.atlas.gathered import Gathered, Limits, merge
from headlens.model.atlas.items import Item, Source
from headlens.model.atlas.packed import pack, unpack
from headlens.model.atlas.schema import MANIFEST, VERSION
from headlens.model.atlas.tables import write_tables
from headlens.model.description import Description
from headlens.model.errors import InputError
from headlens.model.heap import trim
from headlens.model.inputs.image import Size
from headlens.model.protocol import Model
from headlens.model.recording.whole import remove_parts, whole_file

PROGRESS = "progress.safetensors"  # of an atlas that is not finished
SHARDS = {"texts": 256, "photos": 32}  # inputs that are read at once, sorted by length, and run
SAVE_EVERY = 15.0  # seconds between two times that what is done is kept: so much is lost at most when it is killed

Shard = tuple[int, list[Item]]
# Runs shards, and gives what was gathered of one or more with their numbers, in any order
Engine = Callable[[Iterable[Shard]], Iterable[tuple[Sequence[int], Gathered]]]
# Called with the inputs that are done, those done in this run, and of how many
OnShard = Callable[[int, int, int], object]


@dataclass(frozen=True)
class Plan:
    """What an atlas is built of, and how; all of it decides what it says."""

    source: Source
    model: Description
    limits: Limits = field(default_factory=Limits)
    size: Size | None = None  # of photos
    tokens: int = BATCH_TOKENS  # of one run at most

    @property
    def shard(self) -> int:
        """Inputs of a shard."""
        return SHARDS[self.source.kind]

    @property
    def about_model(self) -> dict[str, str]:
        """Which model it is: a bundled one's description says more, how it is loaded."""
        return {each.name: str(getattr(self.model, each.name)) for each in fields(Description)}

    @property
    def digest(self) -> str:
        """Hexadecimal: another one where anything is another, so that it would be another atlas."""
        parts = [self.source.digest, self.about_model, self.limits, self.size, self.tokens, self.shard, VERSION]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def here(model: Model, plan: Plan) -> Engine:
    """Runs shards one after the other in this process. Raises InputError for a model that does not read them."""
    reader = reader_of(model, plan.source.kind, plan.size)

    def run(shards: Iterable[Shard]) -> Iterable[tuple[Sequence[int], Gathered]]:
        for number, items in shards:
            yield [number], gather(reader, items, plan.limits, size=plan.size, tokens=plan.tokens)

    return run


def build(
    plan: Plan, engine: Engine, folder: str | Path, *, on_shard: OnShard | None = None, save_every: float = SAVE_EVERY
) -> Atlas:
    """Build an atlas in a folder, or go on with one that was not finished there.

    Args:
        plan: what it is built of.
        engine: that runs the model, as `here` makes it.
        folder: made if need be.
        on_shard: called at the beginning and whenever shards are done; what it raises stops, and what is done stays.
        save_every: seconds.

    Raises InputError for a folder with another atlas in it, or one that cannot be written.
    """
    pyarrow()  # a missing library is said before hours of work
    folder, began = Path(folder), time.time()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / MANIFEST).exists():
            _check_own(folder)
            _run(plan, engine, folder, on_shard, save_every)
        atlas = _finished(plan, folder)
        (folder / PROGRESS).unlink(missing_ok=True)
        remove_parts(folder, began)
        return atlas
    except OSError as error:
        raise InputError(
            f"The folder {str(folder)!r:.80} cannot be written ({error.strerror}); take another."
        ) from error


def _check_own(folder: Path) -> None:
    """Raises InputError for a folder with files in it that are no part of an unfinished atlas."""
    if (folder / PROGRESS).exists():
        return
    others = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    if others:
        raise InputError(
            f"The folder {str(folder)!r:.80} holds other files ({others[0]!r:.40}), which an atlas could write over; "
            "take another --out."
        )


class _Done(NamedTuple):
    """What is gathered, and of which shards: replaced as one, for a Ctrl-C may come between any two steps."""

    gathered: Gathered
    shards: tuple[int, ...] = ()

    @property
    def inputs(self) -> int:
        """Recorded and failed."""
        return self.gathered.inputs + len(self.gathered.failed)


def _run(plan: Plan, engine: Engine, folder: Path, on_shard: OnShard | None, save_every: float) -> None:
    done, saved = _resumed(plan, folder), time.monotonic()
    before = done.inputs

    def tell() -> None:
        if on_shard is not None:
            on_shard(done.inputs, done.inputs - before, plan.source.count)

    tell()
    try:
        for numbers, part in engine(plan.source.shards(plan.shard, frozenset(done.shards))):
            done = _Done(merge(done.gathered, part), (*done.shards, *numbers))
            del part  # the engine makes the next one now
            if time.monotonic() - saved >= save_every:
                _save(plan, folder, done)
                saved = time.monotonic()
            tell()
    except BaseException:  # Ctrl-C too
        _save(plan, folder, done)
        raise
    gathered = done.gathered
    if gathered.inputs == 0:
        reasons = {failed.reason for failed in gathered.failed.values()}
        raise InputError(
            f"None of the {plan.source.count:,} inputs could be recorded; the first reason: {min(reasons)}"
        )
    _save(plan, folder, done)  # of a folder with some tables alone it would not be known whose they are
    trim()  # pyarrow takes its memory elsewhere
    write_tables(folder, gathered, _manifest(plan, gathered), kind=plan.source.kind)


def _save(plan: Plan, folder: Path, done: _Done) -> None:
    with whole_file(folder / PROGRESS) as part:
        part.write_bytes(pack(done.gathered, {"plan": plan.digest, "done": sorted(done.shards)}))


def _resumed(plan: Plan, folder: Path) -> _Done:
    """What was done before, which is nothing in an empty folder. Raises InputError where it was of another atlas."""
    path = folder / PROGRESS
    if not path.exists():
        return _Done(Gathered(plan.limits))
    gathered, about = unpack(path.read_bytes())
    if about.get("plan") != plan.digest:
        raise InputError(
            f"In {str(folder)!r:.80} another atlas is not finished (of other inputs, another model or other options); "
            "finish it with the same command, or take another --out."
        )
    shards = about["done"]
    assert isinstance(shards, list)
    return _Done(gathered, tuple(shards))


def _finished(plan: Plan, folder: Path) -> Atlas:
    """The atlas that is there. Raises InputError where it is another one."""
    atlas = open_atlas(folder)
    if atlas.manifest.get("plan") != plan.digest:
        raise InputError(f"In {str(folder)!r:.80} there is an atlas already; take another --out.")
    return atlas


def _manifest(plan: Plan, gathered: Gathered) -> dict[str, object]:
    """What the tables do not say."""
    return {
        "plan": plan.digest,
        "model": plan.about_model,
        "source": {"name": plan.source.name, "kind": plan.source.kind, "count": plan.source.count},
        "size": plan.size,
        "limits": gathered.limits._asdict(),
        "recorded": gathered.inputs,
        "failed": len(gathered.failed),
        "tokens": gathered.tokens,
    }
