"""The numbers that the README of the API quotes, for tests that compute them again."""

import re

from tests.paths import ROOT


def quoted(what: str) -> list[float]:
    """The numbers in the last column of the row of this name."""
    lines = (ROOT / "model" / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [cells for line in lines if line.startswith("|") and (cells := line.split(" | "))[0] == f"| {what}"]
    return [float(number) for number in re.findall(r"[\d.]+", row[-1])]
