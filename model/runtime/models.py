"""Which models are held: the ones used last, up to a number of bytes, each loaded once for all visitors."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from headlens.model.load import Model


class ModelStore:
    """Models by key. Who runs one that is dropped meanwhile still holds it, and ends undisturbed.

    Args:
        limit: in bytes; the newest is held whatever its size.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, load: Callable[[], Model]) -> Model:
        """The model, loaded where it is not held; who asks while it is being loaded waits. Raises what load raises."""
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            if (model := self.held(key)) is None:
                model = load()
                self._put(key, model)
            return model

    def held(self, key: str) -> "Model | None":
        """The model, where it is held."""
        with self._lock:
            if key in self._models:
                self._models.move_to_end(key)
            return self._models.get(key)

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._models.clear()

    def _put(self, key: str, model: Model) -> None:
        with self._lock:
            self._models[key] = model
            sizes = [size_of(each) for each in self._models.values()]
            while sum(sizes) > self._limit and len(sizes) > 1:
                self._models.popitem(last=False)
                sizes.pop(0)


def size_of(model: Model) -> int:
    """Bytes of a model's weights."""
    return sum(weights.nbytes for weights in model.network.parameters())
