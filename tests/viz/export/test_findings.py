"""What Does it matter? found, as figures for print and as tables: the numbers are those that were found."""

import csv
import io
import re
from xml.etree import ElementTree

import numpy as np

from headlens.model.recording.parts import Photo
from headlens.viz.export.drawn import PIXELS, about_of
from headlens.viz.export.findings import Finding, of_heads, of_patches, of_tokens
from tests.viz.hostile import HOSTILE

ABOUT = {"model": "a model", "target": "the token after “is”: “Paris”", "program": "Headlens"}
EFFECTS = np.array([[0.5, -2.0, 1e-9], [3.0, 0.0, -0.25]], dtype=np.float32)


def rows_of(finding: Finding) -> list[list[str]]:
    return list(csv.reader(io.StringIO(finding.table(), newline="")))


def values_of(finding: Finding) -> list[dict[str, float]]:
    return finding.draw(600)["data"]["values"]  # type: ignore[index]


def check_drawn(finding: Finding) -> None:
    svg = finding.svg(ABOUT, millimetres=85, caption=True)
    root = ElementTree.fromstring(svg)
    assert float((root.get("viewBox") or "").split()[2]) == round(85 * PIXELS) or root.get("width") == "85mm"
    assert about_of(svg) == ABOUT
    assert "Paris" in "".join(root.itertext())
    page = finding.html(ABOUT, millimetres=85, caption=True)
    assert '<meta name="headlens:model" content="a model">' in page
    assert not re.findall(r"""(?:src|href)=["']?https?:""", page), "it loads nothing"


def test_every_head_has_its_number() -> None:
    finding = of_heads(EFFECTS, "All heads", "change without it", signed=True)
    heading, *rows = rows_of(finding)
    assert heading == ["layer", "head", "change without it"]
    found = np.zeros_like(EFFECTS)
    for layer, head, number in rows:
        found[int(layer), int(head)] = np.float32(number)
    np.testing.assert_array_equal(found, EFFECTS)
    drawn = {(value["row"], value["column"]): value["number"] for value in values_of(finding)}
    assert drawn[0, 1] == -2.0
    assert drawn[1, 0] == 3.0
    check_drawn(finding)


def test_tokens_by_each_method_in_shares_of_its_largest() -> None:
    tokens = ["=a", HOSTILE[0], "c"]
    scores = {"one": np.array([1.0, 2.0, -4.0]), "other": np.zeros(3)}
    finding = of_tokens(tokens, scores, "What it rests on")
    heading, *rows = rows_of(finding)
    assert heading == ["position", "token", "one", "other"]
    assert rows == [["0", "'=a", "1", "0"], ["1", HOSTILE[0], "2", "0"], ["2", "c", "-4", "0"]]
    drawn = {(value["row"], value["column"]): value["number"] for value in values_of(finding)}
    assert [drawn[0, at] for at in range(3)] == [0.25, 0.5, -1.0]
    check_drawn(finding)


def test_a_photo_for_each_method() -> None:
    photo = Photo(np.full((28, 42, 3), 90, np.uint8), 1.5, (2, 3))
    names = ["[CLS]", *(f"({row}, {column})" for row in range(2) for column in range(3))]
    scores = {"Gradient × input": np.arange(7.0) - 3, "Rollout": np.arange(7.0)}
    findings = of_patches(photo, names, scores, "What it rests on", prefix=1)
    assert [finding.name for finding in findings] == ["patches-gradient---input", "patches-rollout"]
    for finding, row in zip(findings, scores.values()):
        assert [float(line[2]) for line in rows_of(finding)[1:]] == list(row)
        check_drawn(finding)


def test_a_stranger_s_words_stay_words_in_the_page() -> None:
    bad = "</script><script>alert(1)</script><!--"
    finding = of_tokens([bad, "b"], {bad: np.array([1.0, 2.0])}, bad)
    page = finding.html({"target": bad}, millimetres=85, caption=True)
    plain = of_tokens(["a", "b"], {"c": np.array([1.0, 2.0])}, "d").html({"target": "e"}, millimetres=85, caption=True)
    assert page.count("<script") == plain.count("<script")
    assert page.count("</script") == plain.count("</script")
    assert "<!--" not in page.partition("</head>")[2]
    assert re.search(r'"editor":\s*false', page), "its menu sends nothing to the editor of Vega's site"
