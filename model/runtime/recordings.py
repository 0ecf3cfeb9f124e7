"""Where recordings are kept between a page's runs."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from headlens.model.recording.recording import Recording

DERIVED = 16  # results that are kept beside a recording
Result = TypeVar("Result")


class Visitor:
    """One open tab."""

    gone = False


class RecordingEntry:
    """A recording, and what has been computed from it since: both go together."""

    def __init__(self, id: str, recording: Recording) -> None:
        self.id = id
        self.recording = recording
        self.owners: set[Visitor] | None = set()  # None: a sample, everybody's
        self._derived: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.Lock()

    def derive(self, name: Hashable, compute: Callable[[], Result]) -> Result:
        """The result by its name, computed where it is not kept; the DERIVED used last are."""
        with self._lock:
            if name in self._derived:
                self._derived.move_to_end(name)
                return self._derived[name]
        result = compute()
        with self._lock:
            self._derived[name] = result
            while len(self._derived) > DERIVED:
                self._derived.popitem(last=False)
        return result

    @property
    def nbytes(self) -> int:
        """Bytes that the recording and the results take."""
        with self._lock:
            return self.recording.nbytes + sum(_size(result) for result in self._derived.values())


def _size(result: object) -> int:
    if isinstance(result, dict):
        return sum(_size(part) for part in result.values())
    if isinstance(result, tuple):
        return sum(_size(part) for part in result)
    return len(result) if isinstance(result, bytes) else getattr(result, "nbytes", 0)


class RecordingStore:
    """The recordings used last, by key, up to a number of bytes; the newest is kept whatever its size.

    Streamlit's own caches count entries, and a photo's recording is a hundred times a sentence's. What only visitors
    who have gone have used goes with them.

    Args:
        limit: in bytes.
        dropped: called with the bytes of what was dropped, each time that something was.
    """

    def __init__(self, limit: int, dropped: Callable[[int], object] = lambda nbytes: None) -> None:
        self._limit = limit
        self._dropped = dropped
        self._kept: OrderedDict[str, RecordingEntry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str, visitor: Visitor | None) -> RecordingEntry | None:
        """What is kept, or None where it never was or has been dropped. A visitor of None: a sample."""
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                _claim(kept, visitor)
            return kept

    def put(self, key: str, recording: Recording, visitor: Visitor | None) -> RecordingEntry:
        """Keep a recording, and drop the ones unused for longest until all fit; as in `get`."""
        kept = RecordingEntry(key, recording)
        with self._lock:
            if visitor is not None and visitor.gone:
                return kept  # nobody will come for it
            if (old := self._kept.get(key)) is not None:
                kept.owners = old.owners
            _claim(kept, visitor)
            self._kept[key] = kept
            self._kept.move_to_end(key)
            sizes = [each.nbytes for each in self._kept.values()]  # the ones unused for longest first
            total, dropped = sum(sizes), 0
            while total - dropped > self._limit and len(self._kept) > 1:
                self._kept.popitem(last=False)
                dropped += sizes.pop(0)
        if dropped:
            self._dropped(dropped)
        return kept

    def forget(self, visitor: Visitor) -> None:
        """Drop what only this visitor has used, now and later."""
        with self._lock:
            visitor.gone = True
            alone = [key for key, kept in self._kept.items() if kept.owners == {visitor}]
            dropped = sum(self._kept.pop(key).nbytes for key in alone)
            for kept in self._kept.values():
                if kept.owners is not None:
                    kept.owners.discard(visitor)
        if dropped:
            self._dropped(dropped)


def _claim(kept: RecordingEntry, visitor: Visitor | None) -> None:
    if visitor is None:
        kept.owners = None
    elif kept.owners is not None and not visitor.gone:
        kept.owners.add(visitor)
