"""A short soak, and that it would find a leak."""

import itertools
from pathlib import Path

import pytest

from tests.browser.serve import start
from tests.load.soak import GROWTH, VISITORS, growth, soak
from tests.load.watched import WATCH, held


def test_the_memory_does_not_run_away(log: Path) -> None:
    door = str(log.with_name("door"))
    with start(log, "tests.load.watched", HEADLENS_STORE_GB="0.05", **{WATCH: door}) as server:
        looks = list(itertools.islice(soak(server, each=5), 3))
        now = held(door)
    assert [done for done, _ in looks] == [20, 40, 60]
    assert 0 < now.recordings < 30
    assert now.sessions == 2 * VISITORS  # the ones who left after two looks may still come back
    assert looks[-1][1] < 1.25 * looks[0][1]
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize(("step", "grown"), [(0, False), (1_000, False), (5_000, True)])  # 0, 2 and 10 % in all
def test_growth_is_told_from_up_and_down(step: int, grown: bool) -> None:
    up_and_down = [0, 20_000, 40_000, 60_000]
    sizes = {100 * look: 700_000 + up_and_down[look % 4] + step * look for look in range(1, 21)}
    assert (growth(sizes) > GROWTH) == grown
