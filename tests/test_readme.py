"""The README's Python runs as it stands."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

README = (ROOT / "README.md").read_text()


def test_python_example(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = code.replace("trophy.safetensors", str(tmp_path / "trophy.safetensors"))
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed == ["['minilm-l6', 'dinov2-focus', 'smollm2-135m']", "trophy", "(16, 24) (6, 385, 385) (224, 336)"]
    assert (names["same"].attention(3, 1) == names["weights"]).all()


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
