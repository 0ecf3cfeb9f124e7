"""An atlas built on a cluster of two nodes that starts on this machine, as a process of its own: `test_cluster.py`.

python -m tests.model.atlas.two_nodes TEXTS MODEL FOLDER: beside one that was built here, in FOLDER/here, FOLDER/cluster
is of all workers, and of FOLDER/killed one worker was killed in the middle.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import ray
from ray.cluster_utils import Cluster as Nodes

from headlens.model.atlas import build as atlas_build
from headlens.model.atlas import cluster as atlas_cluster
from headlens.model.atlas.build import Plan, build, here
from headlens.model.atlas.cluster import Cluster, on_cluster
from headlens.model.atlas.gathered import Limits
from headlens.model.atlas.items import open_source
from headlens.model.load import load_model

WORKERS = 3  # more than one node has processors for


def main(texts: str, name: str, folder: Path) -> None:
    """Print how many workers and nodes took part, and which worker was killed."""
    atlas_build.SHARDS["texts"] = 8
    atlas_cluster.ROUNDS = 2  # so that a worker merges two shards
    model = load_model(name, "cpu")
    plan = Plan(open_source(texts), model.description, Limits(best=3, vectors=4, positions=5))
    build(plan, here(model, plan), folder / "here")
    nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 2})  # with one processor it hangs
    nodes.add_node(num_cpus=2)
    ray.init(address=nodes.address, log_to_driver=False)
    print("nodes", sum(node["Alive"] for node in ray.nodes()))
    build(plan, on_cluster(Cluster(workers=WORKERS), name, plan), folder / "cluster")
    build(plan, on_cluster(Cluster(workers=WORKERS), name, plan), folder / "killed", on_shard=kill_one)
    ray.shutdown()
    nodes.shutdown()


def kill_one(done: int, now: int, total: int) -> None:
    """In the middle: when the first shards have come back."""
    if 0 < done < total and not killed:
        workers = sorted(set(workers_below(os.getpid())))
        os.kill(workers[0], signal.SIGKILL)
        killed.append(workers[0])
        print(f"killed one of {len(workers)} workers after {done} of {total} inputs")


killed: list[int] = []


def workers_below(pid: int) -> Iterator[int]:
    """The processes of workers that a process has started, or those that it has started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            title = (path.parent / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if parent == pid:
            child = int(path.parent.name)
            if b"ray::MapWorker" in title:
                yield child
            yield from workers_below(child)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
