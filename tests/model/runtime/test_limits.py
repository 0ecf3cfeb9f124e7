"""Settings by variables of the environment."""

import pytest

from headlens.model.errors import HeadlensError
from headlens.model.runtime.limits import STORE, store_bytes


def test_two_gigabytes_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STORE, raising=False)
    assert store_bytes() == 2_000_000_000


@pytest.mark.parametrize(("written", "expected"), [("8", 8 * 10**9), ("0.5", 5 * 10**8), (" 1e1 ", 10**10)])
def test_gigabytes(written: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE, written)
    assert store_bytes() == expected


@pytest.mark.parametrize("written", ["", "much", "0", "-1", "nan", "inf", "2 GB"])
def test_what_is_no_number_of_gigabytes(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(STORE, written)
    with pytest.raises(HeadlensError, match="HEADLENS_STORE_GB must be a number of gigabytes above 0, such as 2, not"):
        store_bytes()
