"""Where recordings are kept, between a page's runs or a worker's requests."""

import threading
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from headlens.model.recording.recording import Recording
from headlens.model.runtime.cache import Cache

DERIVED = 64  # results that are kept beside a recording
MISSING = object()
Result = TypeVar("Result")


class Visitor:
    """Somebody who uses recordings for a while: one open tab, or one client of a worker."""

    gone = False


class RecordingEntry:
    """A recording, and what has been computed from it since: both go together."""

    def __init__(self, id: str, recording: Recording) -> None:
        self.id = id
        self.recording = recording
        self.owners: set[Visitor] | None = set()  # None: a sample, everybody's
        self._derived: Cache[Hashable, object] = Cache(DERIVED)

    def derive(self, name: Hashable, compute: Callable[[], Result]) -> Result:
        """The result by its name, computed where it is not kept; the last DERIVED results are kept."""
        result = self._derived.get(name, MISSING)
        if result is MISSING:
            result = compute()
            self._derived.put(name, result)
        return cast(Result, result)

    def held(self, name: Hashable) -> object | None:
        """The result by its name, where it is kept."""
        return self._derived.get(name, None)

    @property
    def nbytes(self) -> int:
        """Bytes that the recording and the results take."""
        return self.recording.nbytes + sum(_size(result) for _, result in self._derived.items())


def _size(result: object) -> int:
    if isinstance(result, dict):
        return sum(_size(part) for part in result.values())
    if isinstance(result, tuple):
        return sum(_size(part) for part in result)
    return len(result) if isinstance(result, bytes) else int(getattr(result, "nbytes", 0))


class RecordingStore:
    """The recordings used last, by id, up to a number of bytes; the newest is kept whatever its size.

    Streamlit's own caches count entries, and a photo's recording is a hundred times a sentence's. What only visitors
    who have gone have used goes with them.

    Args:
        limit: in bytes.
        dropped: called with the bytes of what was dropped, each time that something was, when it is held no longer.
    """

    def __init__(self, limit: int, dropped: Callable[[int], object] = lambda nbytes: None) -> None:
        self._dropped = dropped
        self._entries: Cache[str, RecordingEntry] = Cache(limit, lambda entry: entry.nbytes)
        self._lock = threading.Lock()  # of the entries' owners

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, id: str, visitor: Visitor | None) -> RecordingEntry | None:
        """The entry, or None where it never was or has been dropped. A visitor of None: a sample."""
        with self._lock:
            if (entry := self._entries.get(id, None)) is not None:
                _claim(entry, visitor)
            return entry

    def put(self, id: str, recording: Recording, visitor: Visitor | None) -> RecordingEntry:
        """Keep a recording, and drop the ones unused for longest until all fit; as in `get`."""
        entry = RecordingEntry(id, recording)
        with self._lock:
            if visitor is not None and visitor.gone:
                return entry  # nobody will come for it
            if (old := self._entries.get(id, None)) is not None:
                entry.owners = old.owners
            _claim(entry, visitor)
            dropped = self._entries.put(id, entry)
        nbytes = sum(each.nbytes for each in dropped)
        dropped.clear()  # it is freed before anybody is told that it was
        self._tell(nbytes)
        return entry

    def forget(self, visitor: Visitor) -> None:
        """Drop what only this visitor has used, now and later."""
        self._tell(self._drop_of(visitor))

    def _drop_of(self, visitor: Visitor) -> int:
        nbytes = 0
        with self._lock:
            visitor.gone = True
            for id, entry in self._entries.items():
                if entry.owners == {visitor}:
                    self._entries.pop(id, None)
                    nbytes += entry.nbytes
                elif entry.owners is not None:
                    entry.owners.discard(visitor)
        return nbytes

    def clear(self) -> None:
        """Drop all."""
        self._entries.clear()

    def _tell(self, nbytes: int) -> None:
        if nbytes > 0:
            self._dropped(nbytes)


def _claim(entry: RecordingEntry, visitor: Visitor | None) -> None:
    if visitor is None:
        entry.owners = None
    elif entry.owners is not None and not visitor.gone:
        entry.owners.add(visitor)
