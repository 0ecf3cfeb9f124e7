"""The atlases that are shipped: small, made of what their SOURCES.md names, and what the models give."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from headlens.model import load_model
from headlens.model.atlas import open_atlas
from headlens.model.atlas.build import Plan, build, here
from headlens.model.atlas.gathered import Limits
from headlens.model.atlas.items import open_source
from headlens.model.atlas.joint_map import strongest_links
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.paths import ROOT

FOLDER = ROOT / "assets" / "atlas"
LIMIT = 3_000_000  # bytes of both


def test_they_are_small_and_whole() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < LIMIT
    texts, photos = open_atlas(FOLDER / "texts"), open_atlas(FOLDER / "photos")
    assert (texts.recorded, photos.recorded) == (240, 4)
    assert texts.failed() == photos.failed() == []
    sources = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert all(name in sources for name in ("texts/", "photos/", "sentences.txt", "sentences.py", "CC0"))


def test_the_sentences_are_those_of_the_script() -> None:
    written = runpy.run_path(str(FOLDER / "sentences.py"))["sentences"]()
    assert (FOLDER / "sentences.txt").read_text(encoding="utf-8").splitlines() == written
    assert len(set(written)) == len(written)


def test_a_link_is_the_weight_of_the_model(minilm: EncoderTextModel) -> None:
    vectors = open_atlas(FOLDER / "texts").vectors(1, 9)
    found = open_atlas(FOLDER / "texts").input(int(vectors.input[0]))
    weights = minilm.record(found.texts[0]).attention(1, 9)
    for index in np.flatnonzero(vectors.input == vectors.input[0]).tolist():
        for link in strongest_links(vectors, "query", index):
            own = weights[vectors.position[index], vectors.position[link.other]]
            assert link.weight == pytest.approx(own, abs=5e-3), "but for the rounding of the vectors"


@pytest.mark.parametrize(
    ("name", "data", "model", "size", "vectors"),
    [("texts", "atlas/sentences.txt", "minilm-l6", None, 10), ("photos", "samples", "dinov2-focus", 224, 2)],
)
def test_the_command_builds_them_again(
    name: str, data: str, model: str, size: int | None, vectors: int, tmp_path: Path
) -> None:
    shipped, opened = open_atlas(FOLDER / name), load_model(model, device="cpu")
    plan = Plan(open_source(ROOT / "assets" / data), opened.description, Limits(best=8, vectors=vectors), size)
    again = build(plan, here(opened, plan), tmp_path / "again")
    assert list(again.measures) == list(shipped.measures)
    assert again.criteria == shipped.criteria
    assert all(("token" in words) == (name == "texts") for words in again.criteria.values()), "of photos it says patch"
    for measure in shipped.measures:
        np.testing.assert_allclose(again.heads(measure), shipped.heads(measure), rtol=1e-4, atol=1e-4)
    best, found = shipped.examples(2, 3)[0], again.examples(2, 3)[0]
    assert best.value == pytest.approx(found.value, abs=1e-4)
    assert again.vectors(0, 0).input.tolist() == shipped.vectors(0, 0).input.tolist()
