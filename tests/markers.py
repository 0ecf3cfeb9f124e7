"""The markers browser, load and slow, set in one place; pyproject.toml makes this a plugin of pytest."""

from collections.abc import Iterator

import pytest

from tests.paths import ROOT

FOLDERS = {"browser": ROOT / "tests" / "browser", "load": ROOT / "tests" / "load"}
SLOW_FIXTURES = {"smollm2"}  # what uses them takes seconds to set up


def markers_of(item: pytest.Item) -> Iterator[str]:
    """The markers of a test, by where it is and what it needs."""
    for marker, folder in FOLDERS.items():
        if item.path.is_relative_to(folder):
            yield marker
    if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        yield "slow"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any test is deselected by its markers."""
    for item in items:
        for marker in markers_of(item):
            item.add_marker(marker)
