"""What was used last, up to a limit: models, recordings, and what is computed from a recording."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Id = TypeVar("Id", bound=Hashable)
Item = TypeVar("Item")
Default = TypeVar("Default")


class Cache(Generic[Id, Item]):
    """Items by id, of which the ones unused for longest are dropped. Many threads may use it at once.

    Args:
        limit: of the sizes together; the newest item is held whatever its size.
        size_of: gives an item's size, asked again at each `put`; without it each counts 1.
    """

    def __init__(self, limit: int, size_of: Callable[[Item], int] = lambda item: 1) -> None:
        self._limit = limit
        self._size_of = size_of
        self._items: OrderedDict[Id, Item] = OrderedDict()  # the one unused for longest first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, id: Id, default: Default) -> Item | Default:
        """The item, which counts as used now; the default where it is not held."""
        with self._lock:
            if id not in self._items:
                return default
            self._items.move_to_end(id)
            return self._items[id]

    def put(self, id: Id, item: Item) -> list[Item]:
        """Hold an item, in place of another of its id; the ones that were dropped until all fit."""
        dropped = []
        with self._lock:
            self._items[id] = item
            self._items.move_to_end(id)
            sizes = [self._size_of(each) for each in self._items.values()]
            total = sum(sizes)
            for size in sizes[:-1]:
                if total <= self._limit:
                    break
                dropped.append(self._items.popitem(last=False)[1])
                total -= size
        return dropped

    def pop(self, id: Id, default: Default) -> Item | Default:
        """Let go of an item, and give it; the default where it is not held."""
        with self._lock:
            return self._items.pop(id, default)

    def items(self) -> list[tuple[Id, Item]]:
        """All that are held, the one unused for longest first; looking at them here does not count as use."""
        with self._lock:
            return list(self._items.items())

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._items.clear()
