"""The same atlas from a cluster of two nodes, also where a worker dies; Ray is imported when it is asked for."""

import os
import subprocess
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import pytest

from headlens.model.atlas import cluster as atlas_cluster
from headlens.model.atlas import open_atlas
from headlens.model.atlas.gather import BATCH_TOKENS, gather, reader_of
from headlens.model.atlas.gathered import Gathered, Limits, merge
from headlens.model.atlas.items import open_source
from headlens.model.atlas.packed import pack
from headlens.model.errors import InputError
from headlens.model.load import load_model
from tests.model.atlas.data_sets import sentences, write_photos
from tests.model.huggingface import image_models
from tests.model.huggingface.text_models import write_folder
from tests.paths import ROOT
from tests.sentences import is_one_sentence

COUNT = 88  # sentences, 8 a shard
MOST = 420  # seconds: a cluster that hangs fails
# A package that Jupyter brings takes seconds to import, and Ray's processes import it for nothing: beside other tests
# they then come too late for Ray's own time limits.
QUICK = "import sys\nsys.modules['rfc3987_syntax'] = None\n"
PATIENT = {"RAY_agent_register_timeout_ms": "120000", "RAY_raylet_start_wait_time_s": "120"}  # beside other tests


def test_two_nodes_and_a_worker_that_is_killed(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join([*sentences(COUNT, longest=8), "a" * 100_001]))
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "sitecustomize.py").write_text(QUICK)
    path = ":".join(map(str, (tmp_path / "quick", ROOT / ".src", ROOT)))
    run = subprocess.run(
        [sys.executable, "-m", "tests.model.atlas.two_nodes", texts, "minilm-l6", tmp_path],
        cwd=ROOT,
        env=os.environ | PATIENT | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=MOST,
    )
    assert run.returncode == 0, run.stderr[-3_000:]
    assert "nodes 2" in run.stdout
    assert "killed one of 3 workers" in run.stdout
    own = open_atlas(tmp_path / "here")
    for name in ("cluster", "killed"):
        other = open_atlas(tmp_path / name)
        assert (other.recorded, other.failed()) == (COUNT, own.failed())
        for measure in own.measures:
            for statistic in ("mean", "std", "count"):
                heads = own.heads(measure, statistic), other.heads(measure, statistic)
                np.testing.assert_allclose(heads[1], heads[0], rtol=1e-6, atol=1e-6)
        for layer, head in np.ndindex(own.num_layers, own.num_heads):
            expected, found = ([each.value for each in atlas.examples(layer, head)] for atlas in (own, other))
            np.testing.assert_allclose(found, expected, rtol=1e-6)
            vectors = own.vectors(layer, head), other.vectors(layer, head)
            assert (vectors[0].input == vectors[1].input).all()
            np.testing.assert_allclose(vectors[0].query, vectors[1].query, rtol=2**-10, atol=1e-5)  # rounded


def test_a_worker_gathers_what_this_process_does(tmp_path: Path) -> None:
    """Of what is sent to it: texts and pairs, paths of photos, and what could not be read."""
    texts, pairs = tmp_path / "texts.txt", tmp_path / "pairs.csv"
    texts.write_bytes("\n".join([*sentences(7, longest=6), "", "a" * 100_001, ""]).encode() + b"\xff")
    pairs.write_text("one,two\n" + "\n".join(f"{text},{text[::-1]}" for text in sentences(5, longest=4)))
    photos = write_photos(tmp_path / "photos")
    limits = Limits(best=3, vectors=4, positions=5)
    bert = write_folder("BERT", tmp_path / "bert")
    vit = image_models.save(tmp_path / "vit", image_models.made("ViT", **image_models.SHAPE))
    for source, folder in (
        (open_source(texts), bert),
        (open_source(pairs, ["one", "two"]), bert),
        (open_source(photos), vit),
    ):
        shards = list(source.shards(3, frozenset()))
        worker = atlas_cluster.Worker(str(folder), "cpu", source.kind, limits=limits, size=None, tokens=BATCH_TOKENS)
        rows = atlas_cluster.rows_of(shards, 2)
        found = worker({"shards": np.array([row["shards"] for row in rows])})["gathered"]
        model = reader_of(load_model(str(folder), device="cpu"), source.kind)
        parts = [gather(model, items, limits) for _, items in shards]
        assert len(found) == len(rows) == -(-len(shards) // 2)
        for number, row in enumerate(found):
            own = range(2 * number, min(2 * number + 2, len(shards)))
            gathered = reduce(merge, [parts[each] for each in own], Gathered(limits))
            assert row == pack(gathered, {"shards": list(own)})


def test_nothing_imports_ray_unless_it_is_asked_for() -> None:
    code = "import sys, headlens.model.atlas.cluster, headlens.model.atlas.atlas; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / ".src", capture_output=True, text=True, check=True
    ).stdout.split()
    assert "headlens.model.atlas.cluster" in loaded
    assert not {"ray", "pyarrow"} & {name.partition(".")[0] for name in loaded}


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(atlas_cluster, "import_module", missing)
    with pytest.raises(InputError, match=r'run pip install -e "\.\[cluster\]"') as caught:
        atlas_cluster.on_cluster(atlas_cluster.Cluster(), "minilm-l6", None)  # type: ignore[arg-type]
    assert is_one_sentence(caught.value)
