"""t-SNE in a process of its own: scikit-learn's own result, told step by step, and left when its caller is."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.manifold import TSNE

from headlens.model.atlas.neighbours import PERPLEXITY, STEPS, keep_neighbours
from headlens.model.errors import InputError
from tests.sentences import is_one_sentence


class LeftError(Exception):
    """Of a caller that moves on."""


def running() -> list[Path]:
    """The processes of t-SNE on this machine that lay out the points of this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if "lay_out.py" in (process / "cmdline").read_text() and parent == Path("/proc/self").resolve().name:
                found.append(process)
        except OSError:  # it has ended meanwhile
            continue
    return found


@pytest.mark.parametrize(("count", "perplexity"), [(200, PERPLEXITY), (40, 13.0)])
def test_it_is_what_scikit_learn_finds_and_its_steps_are_told(count: int, perplexity: float) -> None:
    points = np.random.default_rng(0).normal(size=(count, 8)).astype(np.float32)
    told: list[tuple[int, int]] = []
    placed = keep_neighbours(points, seed=3, on_step=lambda *step: told.append(step))
    expected = TSNE(2, perplexity=perplexity, init="pca", random_state=3).fit_transform(points)
    np.testing.assert_array_equal(placed, expected)
    assert told[0] == (0, STEPS)
    assert told == sorted(told)
    assert told[-1][0] <= STEPS


@pytest.mark.skipif(sys.platform == "win32", reason="what a process prints is read as it ends there")
def test_what_is_done_is_told_while_it_runs() -> None:
    points = np.random.default_rng(0).normal(size=(3_000, 8)).astype(np.float32)

    def leave(done: int, total: int) -> None:
        if done > 0:
            raise LeftError(done, total)

    with pytest.raises(LeftError) as left:
        keep_neighbours(points, on_step=leave)
    done, total = left.value.args
    assert done % 50 == 0
    assert done < total == STEPS


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_who_moves_on_ends_it_at_once() -> None:
    points = np.random.default_rng(0).normal(size=(20_000, 32)).astype(np.float32)
    started = time.perf_counter()

    def leave(done: int, total: int) -> None:
        if time.perf_counter() - started > 1:
            assert running()
            raise LeftError

    with pytest.raises(LeftError):
        keep_neighbours(points, on_step=leave)
    assert time.perf_counter() - started < 10, "all of it takes minutes"
    assert running() == []


def test_points_that_cannot_be_laid_out_are_one_sentence() -> None:
    with pytest.raises(InputError, match="NaN") as refused:
        keep_neighbours(np.full((20, 2), np.nan))
    assert is_one_sentence(refused.value)
