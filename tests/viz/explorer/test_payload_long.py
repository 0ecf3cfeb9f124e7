"""What the explorer is sent of inputs that are too long to draw token by token."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pytest

from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import payload
from headlens.viz.view.address import OF
from headlens.viz.view.view import View
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, unpack

VIEW = View(1, 2, query=800, matrix=True)


def built(recording: Recording, view: View = VIEW, hover: bool = True) -> Payload:
    return unpack(payload.build(RecordingEntry("long", recording), view, link="", full=True, hover=hover))


def as_photo(recording: Recording, grid: tuple[int, int]) -> Recording:
    pixels = np.zeros((28, 28, 3), np.uint8)
    return dataclasses.replace(
        recording, photo=Photo(pixels, 1.0, grid), prefix_tokens=recording.num_tokens - grid[0] * grid[1]
    )


@pytest.fixture(scope="module")
def text() -> Recording:
    return random_recording(num_tokens=1_025)


@pytest.fixture(scope="module")
def long() -> Recording:
    return random_recording(num_tokens=2_101)


def test_up_to_1024_tokens_the_matrix_is_drawn_token_by_token() -> None:
    result = built(random_recording(num_tokens=1_024))
    assert "pooled" not in result.arrays
    assert len(result.header["figure"]["data"][0]["x"]) == 1_024
    assert result.header["matrixNote"] == ""


def test_above_it_is_drawn_in_cells_and_says_so(text: Recording) -> None:
    result = built(text)
    cells = result.arrays["pooled"].reshape(342, 342)
    np.testing.assert_allclose(cells, text.pooled(1, 2), atol=1e-7)
    figure = result.header["figure"]
    assert figure["data"][0]["x"][:2] == ["0–2 · token0 … token2", "3–5 · token3 … token5"]
    assert figure["data"][0]["x"][-1] == "1023–1024 · token1023 … token1024"
    assert (figure["layout"]["shapes"][0]["y0"], figure["layout"]["shapes"][0]["y1"]) == (265.5, 266.5)  # 800 // 3
    assert result.header["matrixNote"].startswith("1,025 tokens are drawn in cells")
    np.testing.assert_allclose(result.seen(), text.attention(1, 2, 800), atol=1e-5)  # what is read stays exact


@pytest.mark.parametrize("of", ["layer-mean", "all-max"])
def test_heads_made_one_too(of: str, text: Recording) -> None:
    scope, reduction = OF[of]
    result = built(text, dataclasses.replace(VIEW, scope=scope, reduction=reduction))
    every = np.stack([text.attention(layer) for layer in range(2)])
    merged = every[1].mean(axis=0) if of == "layer-mean" else every.max(axis=(0, 1))
    cells = np.add.reduceat(merged, np.arange(0, 1_025, 3), axis=1)
    expected = [cells[first : first + 3].mean(axis=0) for first in range(0, 1_025, 3)]
    np.testing.assert_allclose(result.arrays["pooled"].reshape(342, 342), expected, atol=1e-6)
    assert {"matrix", "rowMax"} <= result.arrays.keys()


def test_a_photo_s_cells_need_no_queries_and_keys(text: Recording) -> None:
    result = built(as_photo(text, (32, 32)), hover=False)
    assert {"pooled", "row"} <= result.arrays.keys()
    assert not {"query", "key", "lse"} & result.arrays.keys()


def test_above_2048_tokens_no_heads_are_made_one_but_the_pinned_row(long: Recording) -> None:
    result = built(long, dataclasses.replace(VIEW, scope="all", reduction="mean"))
    assert not {"pooled", "matrix"} & result.arrays.keys()
    assert result.header["figure"] is None
    assert "too large to merge heads in" in result.header["matrixNote"]
    rows = np.concatenate([long.attention(layer, query=800) for layer in range(2)])
    np.testing.assert_allclose(result.arrays["row"], rows.mean(axis=0), atol=1e-7)


def test_above_2048_tokens_the_grid_is_drawn_from_64_queries_and_says_so(long: Recording) -> None:
    result = built(long)
    assert result.header["gridNote"] == "drawn from 64 evenly spaced queries"
    queries = np.linspace(0, 2_100, 64).round().astype(int)
    assert len(set(queries)) == 64
    weights = np.stack([[long.attention(0, head, int(query)) for query in queries] for head in range(3)])
    rows, columns = np.arange(40) * 64 // 40, np.arange(40) * 2_101 // 40
    sums = np.add.reduceat(np.add.reduceat(weights, rows, axis=1), columns, axis=2)
    sides = np.diff(np.append(rows, 64))[:, None] * np.diff(np.append(columns, 2_101))
    means = sums / sides
    tiles = result.arrays["tiles"].reshape(2, 3, 40, 40)[0].astype(float)
    tops = result.arrays["tileTops"].reshape(2, 3)[0]
    np.testing.assert_allclose(tops, means.max(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(tiles / 255 * tops[:, None, None], means, atol=tops.max() / 255)


@pytest.mark.parametrize("order", ["layer", "key", "spread", "distance", "special"])
def test_an_order_says_when_it_is_of_a_sample(order: str, long: Recording) -> None:
    note = built(as_photo(long, (42, 50)), dataclasses.replace(VIEW, order=order, matrix=False)).header["gridNote"]
    assert note == ("" if order in ("layer", "key") else "ordered from 64 evenly spaced queries")


def test_the_words_say_when_they_are_of_a_sample(text: Recording, long: Recording) -> None:
    assert "over the whole input it spreads" in built(text).header["words"]
    assert "over 64 evenly spaced queries it spreads" in built(long).header["words"]


def test_heavy_work_tells_each_layer_and_is_done_once(text: Recording) -> None:
    told: list[tuple[str, int]] = []
    entry = RecordingEntry("long", text)

    @contextmanager
    def work(what: str, num_layers: int):
        assert num_layers == 2
        yield lambda layer: told.append((what, layer))

    for _ in range(2):
        for view in (VIEW, dataclasses.replace(VIEW, scope="all", reduction="mean", direction="by", order="spread")):
            payload.build(entry, view, link="", full=True, hover=True, work=work)
    names = ["Drawing all heads", "Adding up rows", "Merging heads", "Measuring heads"]
    assert told == [(name, layer) for name in names for layer in range(2)]


def test_short_inputs_wait_for_nobody() -> None:
    def work(what: str, num_layers: int):
        raise AssertionError(what)

    view = View(1, 2, query=4, scope="all", reduction="mean", direction="by", order="spread", matrix=True)
    payload.build(RecordingEntry("short", random_recording()), view, link="", full=True, hover=True, work=work)
