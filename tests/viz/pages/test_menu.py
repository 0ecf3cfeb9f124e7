"""The list of pages, and that no page needs another."""

import ast
from pathlib import Path

import pytest

from headlens.viz.pages.menu import PAGES
from tests.paths import ROOT
from tests.viz.pages.apps import open_text

FOLDER = ROOT / "viz" / "pages"


def test_the_app_lists_every_page_once() -> None:
    app = open_text()
    listed = {info["page_name"]: info["url_pathname"] for info in app._registered_pages.values()}
    assert list(listed) == [page.title for page in PAGES]
    assert list(listed.values()) == ["", *(page.path for page in PAGES[1:])]  # the first one is the app's own address
    assert len({page.path for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize("path", [*FOLDER.rglob("*.py")], ids=lambda path: str(path.relative_to(FOLDER)))
def test_only_the_list_imports_pages(path: Path) -> None:
    """What two pages need stands in a module of its own."""
    pages = {page.draw.__module__ for page in PAGES}
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            imported |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    assert path.name == "menu.py" or not imported & pages
