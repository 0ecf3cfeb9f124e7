"""Shards run on a cluster: the same function by Ray Data, an existing engine, which starts workers again that die.

Ray is imported when it is asked for. What goes between machines are texts, paths, URIs and safetensors; a photo's path
has to be the same on all of them, and so has the model's folder; each has its own credentials for a URI.
"""

import json
import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np

from headlens.model.atlas.build import Engine, Plan, Shard
from headlens.model.atlas.files import Remote
from headlens.model.atlas.gather import gather, reader_of
from headlens.model.atlas.gathered import Gathered, Limits, merge
from headlens.model.atlas.items import Content, Item
from headlens.model.atlas.packed import pack, unpack
from headlens.model.errors import DeviceError, InputError
from headlens.model.heap import SETTINGS, VARIABLE
from headlens.model.inputs.image import Size
from headlens.model.load import load_model

MOST_TOGETHER = 64  # shards that a worker merges before it sends them
ROUNDS = 8  # of work for each worker at least: so much of its share is lost with it
_Row = tuple[int, str, object, str]  # an item, as JSON has it


@dataclass(frozen=True)
class Cluster:
    """Where a data set is run.

    Args:
        address: of a cluster that is up ("auto": the one of this machine); None: a small one on this machine.
        workers: each has the model in memory.
        gpus: of each worker; a share of one lets several have the same. 0: it runs on a processor.
    """

    address: str | None = None
    workers: int = 1
    gpus: float = 0.0


def on_cluster(cluster: Cluster, name: str, plan: Plan) -> Engine:
    """An engine that gives shards to the workers of a cluster.

    Args:
        cluster: of Ray.
        name: of the model, as `load_model` takes it.
        plan: of the atlas.

    Raises InputError where Ray is not installed; in the run, DeviceError where the cluster cannot be reached.
    """
    ray = _ray()
    worker = {
        "name": os.path.abspath(name) if os.path.isdir(name) else name,
        "device": "cuda" if cluster.gpus else "cpu",
        "kind": plan.source.kind,
        "limits": plan.limits,
        "size": plan.size,
        "tokens": plan.tokens,
    }
    together = min(MOST_TOGETHER, max(1, plan.source.count // plan.shard // (ROUNDS * cluster.workers)))

    def run(shards: Iterable[Shard]) -> Iterator[tuple[list[int], Gathered]]:
        rows = rows_of(shards, together)
        if not rows:
            return
        with _connected(ray, cluster):
            results = (
                ray.data.from_items(rows, override_num_blocks=len(rows))
                .map_batches(
                    Worker,
                    fn_constructor_kwargs=worker,
                    batch_size=1,
                    compute=ray.data.ActorPoolStrategy(size=cluster.workers),
                    num_cpus=1,
                    num_gpus=cluster.gpus,
                    runtime_env={"env_vars": {VARIABLE: SETTINGS}},
                )
                .iter_rows()
            )
            for row in results:
                gathered, about = unpack(bytes(row["gathered"]))
                yield cast("list[int]", about["shards"]), gathered

    return run


class Worker:
    """A process of the cluster with the model in its memory; the arguments are as of `gather` and `reader_of`."""

    def __init__(self, name: str, device: str, kind: str, *, limits: Limits, size: Size | None, tokens: int) -> None:
        self._model = reader_of(load_model(name, device), kind, size)
        self._limits = Limits(*limits)
        self._size = size
        self._tokens = tokens

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, list[object]]:
        """Rows of shards [row], with what was gathered of each row's as bytes."""
        return {"gathered": [self._gathered(json.loads(str(row))) for row in batch["shards"]]}

    def _gathered(self, shards: Sequence[tuple[int, Sequence[_Row]]]) -> bytes:
        """Of all shards together: to merge them is work that the process that asks has no time for."""
        gathered = Gathered(self._limits)
        for _, rows in shards:
            part = gather(self._model, _read(rows), self._limits, size=self._size, tokens=self._tokens)
            gathered = merge(gathered, part)
        return pack(gathered, {"shards": [number for number, _ in shards]})


def rows_of(shards: Iterable[Shard], together: int) -> list[dict[str, str]]:
    """What is sent to the workers, in rows of so many shards."""
    rest, rows = iter(shards), []
    while some := [(number, _written(items)) for number, items in islice(rest, together)]:
        rows.append({"shards": json.dumps(some)})
    return rows


def _written(items: Iterable[Item]) -> list[_Row]:
    return [(item.number, item.id, _plain(item.content), item.reason) for item in items]


def _plain(content: Content | None) -> object:
    """A list is a pair of texts, and an object names a photo."""
    if isinstance(content, Path):
        return {"path": str(content.absolute())}
    return asdict(content) if isinstance(content, Remote) else content


def _read(rows: Iterable[_Row]) -> list[Item]:
    return [Item(number, id, _content(plain), reason) for number, id, plain, reason in rows]


def _content(plain: object) -> Content | None:
    if isinstance(plain, dict):
        return Path(plain["path"]) if "path" in plain else Remote(**plain)
    return cast("Content | None", tuple(plain) if isinstance(plain, list) else plain)


@contextmanager
def _connected(ray: ModuleType, cluster: Cluster) -> Iterator[None]:
    """To the cluster, or to the one that this process is connected to already. Raises DeviceError."""
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            logging_level="error",
            include_dashboard=False if cluster.address is None else None,
        )
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise DeviceError(
            f"There is no cluster of Ray at {cluster.address!r:.60}; start one, or leave out --address."
        ) from error
    try:
        if cluster.address is None and cluster.gpus > ray.cluster_resources().get("GPU", 0):  # it would wait for one
            raise DeviceError(
                "This machine has no GPU for a worker; leave out --gpus, or give the --address of others."
            )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"ray\.data")  # that few shards leave workers without work
            yield
    finally:
        ray.shutdown()


def _ray() -> ModuleType:
    """Ray, told to be quiet: its lines would stand between those of the progress."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        ray = import_module("ray")
        import_module("ray.data").DataContext.get_current().enable_progress_bars = False
    except ImportError:
        raise InputError('A cluster needs Ray, which is not installed; run pip install -e ".[cluster]".') from None
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray
