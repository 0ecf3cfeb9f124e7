"""Which models are held: the ones used last, up to a number of bytes, each loaded once for all visitors."""

import threading
from collections.abc import Callable

from headlens.model.protocol import Model
from headlens.model.runtime.cache import Cache


class ModelStore:
    """Models by id. Who runs one that is dropped meanwhile still holds it, and ends undisturbed.

    Args:
        limit: in bytes; the newest is held whatever its size.
    """

    def __init__(self, limit: int) -> None:
        self._models: Cache[str, Model] = Cache(limit, size_of)
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, id: str, load: Callable[[], Model]) -> Model:
        """The model, loaded where it is not held; who asks while it is being loaded waits. Raises what load raises."""
        with self._lock:
            loading = self._loading.setdefault(id, threading.Lock())
        with loading:
            if (model := self.held(id)) is None:
                model = load()
                self._models.put(id, model)
            return model

    def held(self, id: str) -> Model | None:
        """The model, where it is held."""
        return self._models.get(id, None)

    def clear(self) -> None:
        """Let go of all."""
        self._models.clear()


def size_of(model: Model) -> int:
    """Bytes of a model's weights."""
    return sum(weights.nbytes for weights in model.network.parameters())
