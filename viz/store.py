"""Where recordings are kept between a page's runs."""

import threading
from collections import OrderedDict

from model.recording import Recording

LIMIT = 2_000_000_000  # bytes


class RecordingStore:
    """The recordings used last, by key, up to a number of bytes; the newest is kept whatever its size.

    Streamlit's own caches count entries, and a photo's recording is a hundred times a sentence's.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._recordings: OrderedDict[str, Recording] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> Recording | None:
        """The recording, or None where it never was or has been dropped."""
        with self._lock:
            if key in self._recordings:
                self._recordings.move_to_end(key)
            return self._recordings.get(key)

    def put(self, key: str, recording: Recording) -> None:
        """Keep a recording, and drop the ones unused for longest until all fit."""
        with self._lock:
            self._recordings[key] = recording
            self._recordings.move_to_end(key)
            while len(self._recordings) > 1 and sum(kept.nbytes for kept in self._recordings.values()) > self._limit:
                self._recordings.popitem(last=False)
