"""Models and recordings held for many visitors: loaded once, recorded once for each input, in turn."""

import gc
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headlens.model.device import parallel_runs, pick_device
from headlens.model.progress import OnBytes, OnLayer
from headlens.model.protocol import Model
from headlens.model.recording.recording import Recording
from headlens.model.runtime import opening
from headlens.model.runtime.limits import models_bytes, store_bytes
from headlens.model.runtime.memory import FreedMemory
from headlens.model.runtime.models import ModelStore
from headlens.model.runtime.queue import OnWait, WorkQueue
from headlens.model.runtime.recordings import RecordingEntry, RecordingStore, Visitor


@dataclass(frozen=True)
class Request:
    """A recording by its id. It holds no tensors, so that the store alone decides what stays in memory."""

    id: str  # of the model, the input and the options: see `Runtime.request_id`
    model_name: str
    run: Callable[[OnLayer], Recording]  # makes the recording, calling back after each layer
    sample: bool = False  # whether the input is everybody's; any other goes when its visitors have gone


def ignore(*progress: int) -> None:
    """A progress callback that does nothing."""


class Runtime:
    """What a server, a worker or a script holds. Many threads may use it at once.

    Args:
        recordings_limit: bytes of recordings that are kept; None: as the environment says.
        models_limit: bytes of models that are held; None: as the environment says.
        parallel: runs at once; None: as many as the device does well.
        device: as `load_model` takes it.

    Raises HeadlensError for limits in the environment that are no numbers, DeviceError for a device that is not there.
    """

    def __init__(
        self,
        *,
        recordings_limit: int | None = None,
        models_limit: int | None = None,
        parallel: int | None = None,
        device: str = "auto",
    ) -> None:
        self.device = pick_device(device)
        self.recordings = RecordingStore(
            store_bytes() if recordings_limit is None else recordings_limit, FreedMemory().add
        )
        self.models = ModelStore(models_bytes() if models_limit is None else models_limit)
        self.queue = WorkQueue(parallel_runs(self.device) if parallel is None else parallel)

    def model(self, name: str, on_bytes: OnBytes = ignore) -> Model:
        """A model of the catalogue, of an allowed folder or of the Hub, loaded where it is not held.

        Args:
            name: of the model.
            on_bytes: called while it is downloaded, in this thread; what it raises stops the download.

        Raises InputError for a folder that may not be opened, CheckpointError for what cannot be loaded.
        """

        def load() -> Model:
            model = opening.load(name, self.device, on_bytes)
            gc.collect()
            gc.freeze()  # else every garbage collection from now on walks through the model's objects again
            # A full collection waits until a quarter as much is new as the last one left: now that is little.
            gc.collect()
            return model

        return self.models.get(opening.identity(name), load)

    def held_model(self, name: str) -> Model | None:
        """The model, where it is held. Raises InputError for a folder that may not be opened."""
        return self.models.held(opening.identity(name))

    def fetch(self, name: str, on_bytes: OnBytes = ignore, weights: bool = True) -> Path:
        """Download a model from the Hub: see `opening.fetch`."""
        return opening.fetch(name, on_bytes, weights)

    def request_id(self, model_name: str, parts: tuple[bytes, ...], options: str = "") -> str:
        """The id of a recording: the same for the same model, input and options, and for no others.

        Args:
            model_name: as `model` takes it.
            parts: all bytes of the input.
            options: whatever else changes the result.
        """
        digest = hashlib.sha256(f"{opening.identity(model_name)}|{options}".encode())
        for part in parts:
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()

    def record(
        self,
        request: Request,
        visitor: Visitor | None = None,
        *,
        on_wait: OnWait = ignore,
        on_layer: OnLayer = ignore,
    ) -> RecordingEntry:
        """The recording, made in its turn where it is not kept. Raises what the run and the callbacks raise.

        Args:
            request: what to record.
            visitor: for whom; None: for everybody, as with a sample.
            on_wait: called while it waits, with how many runs come before; what it raises leaves the queue.
            on_layer: called with each layer's index as it is done; what it raises stops the run.
        """
        if (entry := self.held_entry(request, visitor)) is not None:
            return entry
        self.model(request.model_name)  # loading takes no turn of the queue
        with self.queue.enter(on_wait):
            entry = self.held_entry(request, visitor)  # while this one waited, another may have made it
            if entry is None:
                entry = self.recordings.put(request.id, request.run(on_layer), None if request.sample else visitor)
        return entry

    def held_entry(self, request: Request, visitor: Visitor | None = None) -> RecordingEntry | None:
        """The recording, where it is kept."""
        return self.recordings.get(request.id, None if request.sample else visitor)
