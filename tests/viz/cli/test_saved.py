"""`headlens figure` and `headlens export`: what they write is the recording's."""

import csv
import errno
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from headlens.model.recording.recording import Recording
from headlens.viz.export import files
from headlens.viz.export.about import about_view
from headlens.viz.export.drawn import about_of
from headlens.viz.view.view import View
from tests.paths import ROOT
from tests.viz.cli.conftest import Headlens, names_in


def test_an_npz_is_the_recording_bit_by_bit(headlens: Headlens, saved: Path, trophy: Recording, tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    assert headlens("export", saved, "--layer", 3, "--out", path) == (0, "", "")
    with np.load(path) as arrays:
        assert arrays["weights"].dtype == np.float32
        assert (arrays["weights"] == trophy.attention(3)[None]).all()
    assert headlens("export", saved, "--out", path).code == 0
    with np.load(path) as arrays:
        assert arrays["weights"].shape == (6, 12, 17, 17)
    assert headlens("export", saved, "--layer", 3, "--head", 1, "--out", path).code == 0
    with np.load(path) as arrays:
        assert (arrays["weights"] == trophy.attention(3, 1)).all()


def test_a_csv_has_nine_digits(headlens: Headlens, saved: Path, trophy: Recording, tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    assert headlens("export", saved, "--layer", 3, "--head", 1, "--out", path) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    weights = np.array([np.float32(row["weight"]) for row in rows]).reshape(17, 17)
    assert (weights == trophy.attention(3, 1)).all()  # nine digits tell every float32 from the next
    assert [row["key_token"] for row in rows[:17]] == list(trophy.tokens)


def test_a_full_disk_leaves_what_was_there(
    headlens: Headlens, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.csv"
    path.write_text("from before")

    @contextmanager
    def full(where: Path) -> Iterator[Path]:
        with whole_file(where) as part:
            yield part
            raise OSError(errno.ENOSPC, "No space left on device")

    whole_file = files.whole_file
    monkeypatch.setattr(files, "whole_file", full)
    code, out, err = headlens("export", saved, "--layer", 3, "--out", path)
    assert (code, out) == (1, "")
    assert err == "headlens: 'weights.csv' could not be written (No space left on device); choose another folder.\n"
    assert names_in(tmp_path) == {"weights.csv"}
    assert path.read_text() == "from before"


@pytest.mark.parametrize("kind", ["heatmap", "strip", "grid", "bars"])
def test_a_figure_of_a_text(headlens: Headlens, saved: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "figure.svg"
    ran = headlens("figure", kind, saved, "--layer", 3, "--head", 1, "--query", 10, "--width", 85, "--out", path)
    assert ran == (0, "", "")
    root = ElementTree.parse(path).getroot()
    assert root.get("width") == "85mm"
    text = " ".join(root.itertext())
    assert "all-MiniLM-L6-v2" in text


def test_its_options_reach_it(headlens: Headlens, saved: Path, tmp_path: Path) -> None:
    def text_of(*options: str) -> str:
        path = tmp_path / "figure.svg"
        assert headlens("figure", "strip", saved, "--layer", 3, "--query", 10, "--out", path, *options).code == 0
        return re.sub("<metadata.*</metadata>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

    plain = text_of("--caption")
    changed = ("--scope layer", "--scope layer --reduction max", "--direction by", "--no-caption", "--width 85")
    assert len({plain, *(text_of(*options.split()) for options in changed)}) == 1 + len(changed)


def test_several_queries_and_heads(headlens: Headlens, saved: Path, tmp_path: Path, trophy: Recording) -> None:
    path = tmp_path / "strip.svg"
    ran = headlens(
        "figure", "strip", saved, "--query", "9.2-4", "--heads", "3~1-2_4~0", "--direction", "by", "--out", path
    )
    assert ran == (0, "", "")
    heads = ((3, 1), (3, 2), (4, 0))
    view = View(3, 1, 2, "heads", direction="by", queries=(2, 3, 4, 9), heads=heads)
    about = about_of(path.read_text(encoding="utf-8"))
    assert about == about_view(trophy, view)
    assert about["query"] == "“trophy”, “does”, “not”, “suitcase”, position 2-4.9"
    assert about["heads"] == "Mean of 3 heads (layer 3 head 1, layer 3 head 2, layer 4 head 0)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--query", "3-17"), "There is no query 17; this recording has query 0 to 16."),
        (("--query", "9-3"), "'9-3' names no position; give one, from 0, or several as 3-9.12."),
        (("--query", "it"), "'it' names no position; give one, from 0, or several as 3-9.12."),
        (("--heads", "3~1_6~0"), "There is no layer 6; this recording has layer 0 to 5."),
        (("--heads", "3"), "'3' names no heads; give them as 2~0-3_4~1: layer 2 heads 0 to 3, layer 4 head 1."),
    ],
)
def test_what_there_is_not_cannot_be_chosen(
    headlens: Headlens, saved: Path, tmp_path: Path, options: tuple[str, str], said: str
) -> None:
    ran = headlens("figure", "bars", saved, *options, "--out", tmp_path / "bars.svg")
    assert ran.code != 0
    assert said in " ".join(ran.err.split())


def test_a_png_is_of_the_scale(headlens: Headlens, saved: Path, tmp_path: Path) -> None:
    def width_of(*options: object) -> int:
        path = tmp_path / "figure.png"
        assert headlens("figure", "bars", saved, "--out", path, *options).code == 0
        with Image.open(path) as image:
            return image.width

    assert abs(width_of() - 2 * width_of("--scale", 1)) <= 2


def test_neither_imports_streamlit_or_a_model(saved: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from headlens.viz.cli.program import exit_code\n"
        f"assert exit_code(['export', {str(saved)!r}, '--out', {str(tmp_path / 'w.npz')!r}]) == 0\n"
        f"assert exit_code(['figure', 'bars', {str(saved)!r}, '--out', {str(tmp_path / 'f.svg')!r}]) == 0\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / ".src", capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "numpy" in loaded
    assert not loaded & {"streamlit", "transformers"}


def test_words_and_what_is_left_without_special_tokens(
    headlens: Headlens, saved: Path, trophy: Recording, tmp_path: Path
) -> None:
    table, arrays = tmp_path / "weights.csv", tmp_path / "weights.npz"
    assert headlens("export", saved, "--layer", 3, "--head", 1, "--without-special", "--out", table) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
    weights = np.array([float(row["weight (special tokens left out)"]) for row in rows]).reshape(17, 17)
    np.testing.assert_allclose(weights, trophy.without_special().attention(3, 1), atol=1e-7)
    assert headlens("export", saved, "--layer", 3, "--words", "--without-special", "--out", arrays) == (0, "", "")
    with np.load(arrays) as found:
        expected = trophy.without_special().merged("words")
        assert (found["weights"] == expected.attention(3)[None]).all()
        assert found["tokens"].tolist() == list(expected.tokens)
        assert '"weights": "special tokens left out, merged into words"' in str(found["about"])
    figure = tmp_path / "strip.svg"
    given = "--layer", 3, "--head", 1, "--query", 11, "--out", figure
    assert headlens("figure", "strip", saved, "--words", "--without-special", *given) == (0, "", "")
    written = " ".join(
        "".join(text.itertext()) for text in ElementTree.parse(figure).iter("{http://www.w3.org/2000/svg}text")
    )
    assert "special tokens left out, merged into words" in written
    assert "“it”" in written  # the query counts tokens
