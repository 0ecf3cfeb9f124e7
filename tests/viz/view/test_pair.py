"""The view of two heads side by side: what the address says comes back, and nonsense opens the start."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headlens.viz.view.pair import PARAMETERS, PairView, read_pair, write_pair

START = PairView(3, None)
TOKENS = (5, 7)


@given(
    st.builds(
        PairView,
        st.none() | st.integers(0, 4),
        st.none() | st.integers(0, 6),
        st.sampled_from(["at", "by"]),
        st.sampled_from(["crisp", "smooth"]),
        st.integers(10, 100),
        st.booleans(),
    ).filter(lambda view: (view.query, view.query2) != (None, None))
)
def test_what_is_written_is_read(view: PairView) -> None:
    written = write_pair(view)
    assert set(written) <= set(PARAMETERS)
    assert read_pair(written, START, TOKENS) == view
    assert read_pair(dataclasses.asdict(view), START, TOKENS) == view  # as the browser tells it


def test_only_what_is_chosen_is_written() -> None:
    assert write_pair(PairView(0, None)) == {"query": "0"}
    assert write_pair(PairView(None, 6, "by", "smooth", 50, True)) == {
        "query2": "6",
        "direction": "by",
        "edges": "smooth",
        "strength": "50",
        "matrix": "1",
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"query": "5"},  # A has five
        {"query2": "7"},
        {"query": "-1", "query2": "x"},
        {"query": True, "query2": [], "direction": {}, "edges": "blurred", "strength": "9", "matrix": "yes"},
    ],
)
def test_nonsense_is_the_start(wrong: dict[str, object]) -> None:
    assert read_pair(wrong, START, TOKENS) == START


def test_a_query_of_b_alone_is_not_joined_by_the_start_s() -> None:
    assert read_pair({"query2": "6", "query": "99"}, START, TOKENS) == PairView(None, 6)
