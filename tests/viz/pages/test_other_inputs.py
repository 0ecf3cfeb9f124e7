"""On Text and Image: a head over the atlases of its model, and the way to them; nobody else's are shown."""

import dataclasses
import json
import shutil
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.atlas import open_atlas
from headlens.model.description import Description
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.inputs.models import text_model
from headlens.viz.pages.atlas.chosen import open_chosen
from headlens.viz.pages.atlas.other_inputs import DOES_THAT, EXCITES
from tests.paths import ROOT
from tests.viz.pages.apps import SECONDS, as_read, run

FOLDER = ROOT / "assets" / "atlas"


def opened(page: str, **parameters: str) -> AppTest:
    """A page under an address, beside those that it leads to, in a session of its own."""

    def script() -> None:
        import streamlit as st

        from headlens.viz.pages import atlas_page, image_page, text_page
        from headlens.viz.pages.frame import frame

        draws = {"Text": text_page.page, "Image": image_page.page, "Atlas": atlas_page.page}
        pages = [st.Page(lambda: None, title="Start", url_path="start", default=True)]
        pages += [st.Page(draw, title=title, url_path=title.lower()) for title, draw in draws.items()]
        frame(st.navigation(pages, position="hidden"), pages)

    return goes_to(run(AppTest.from_function(script, default_timeout=SECONDS)), page, **parameters)


def goes_to(app: AppTest, page: str, **parameters: str) -> AppTest:
    """The same visitor on another page under an address."""
    pages = {info["page_name"]: name for name, info in app._registered_pages.items()}
    app._page_hash = pages[page]
    app.query_params.clear()
    app.query_params.update(parameters)
    return run(app)


def ways(app: AppTest) -> list[dict[str, list[str]]]:
    """The addresses on the page Atlas that are offered."""
    found = [link.proto for link in app.get("page_link") if link.proto.label in (DOES_THAT, EXCITES)]
    assert all(link.page == "atlas" and link.help for link in found)
    return [parse_qs(link.query_string) for link in found]


def labels(app: AppTest) -> list[str]:
    return [link.proto.label for link in app.get("page_link") if link.proto.label in (DOES_THAT, EXCITES)]


def said(app: AppTest) -> list[str]:
    lines = [as_read(each.value).replace("*", "") for each in app.markdown]
    return [line for line in lines if line.startswith("Layer ")]


def test_a_head_of_the_page_text() -> None:
    app = opened("Text", layer="1", head="9")
    atlas = open_atlas(FOLDER / "texts")
    mean, std = (atlas.heads("previous", name)[1, 9] for name in ("mean", "std"))
    (line,) = said(app)
    assert line.startswith(
        f"Layer 1, head 9 over the texts of sentences.txt: previous token ({mean:.2f} ± {std:.2f}), "
    )
    assert line.endswith("On this input: previous token (0.63).")
    assert ways(app) == [{"layer": ["1"], "head": ["9"], "measure": ["previous"]}]
    assert labels(app) == [DOES_THAT]
    assert ways(opened("Text", layer="1", head="9", of="layer-mean")) == ways(app), "of several heads, the last chosen"
    assert ways(opened("Text", layer="1", head="9", nospecial="1", words="1")) == ways(app)


def test_a_head_that_is_called_after_no_role() -> None:
    app = opened("Text", layer="2", head="3")
    (line,) = said(app)
    assert "no role stands out (nearest: punctuation" in line
    assert ways(app) == [{"layer": ["2"], "head": ["3"], "measure": ["ends"]}], "the nearest on this input"
    assert labels(app) == [EXCITES]


def test_a_head_of_the_page_image_at_another_size() -> None:
    app = opened("Image", size="224", layer="3", head="4")
    assert ways(app) == [{"atlas": ["photos"], "layer": ["3"], "head": ["4"], "measure": ["near"]}]
    (line,) = said(app)
    assert line.startswith("Layer 3, head 4 over the photos of samples: near patches (")
    assert "size" not in line
    (line,) = said(opened("Image", size="336", sample="Astronaut", layer="3", head="4"))
    assert "Those photos, at size 224, have 353 tokens on average and this input has 577: " in line


def test_of_another_model_there_is_none() -> None:
    atlas, recording = open_chosen("texts"), text_model("minilm-l6").record("A cat.")
    assert atlas.is_of(recording)
    assert not open_chosen("photos").is_of(recording)

    def named(**parts: str) -> Recording:
        return dataclasses.replace(recording, model=dataclasses.replace(recording.model, **parts))

    assert atlas.is_of(named(name="another", title="another")), "the weights say which it is"
    assert not atlas.is_of(of_revision(recording, "sha256 000000000000"))
    assert not atlas.is_of(of_revision(recording, "")), "weights that are not known are not these"
    assert not atlas.is_of(dataclasses.replace(recording, layers=recording.layers[:3]))
    written = dataclasses.replace(named(kind="sequence"), stage="decoder")
    assert not atlas.is_of(written), "what is written is in no atlas"


def of_revision(recording: Recording, revision: str) -> Recording:
    model = recording.model
    described = Description(model.name, model.title, model.kind, model.authors, model.licence, revision=revision)
    return dataclasses.replace(recording, model=described)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An atlas of MiniLM in a folder that visitors may open."""
    folder = tmp_path / "own"
    shutil.copytree(FOLDER / "texts", folder)
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    return folder


def test_an_atlas_is_offered_to_who_opened_it(own: Path) -> None:
    view = {"layer": "2", "head": "3"}
    visitor = opened("Atlas", atlas=str(own))
    assert [way.get("atlas") for way in ways(goes_to(visitor, "Text", **view))] == [[str(own)], None]
    assert [way.get("atlas") for way in ways(opened("Text", **view))] == [None], "another visitor"


def test_a_folder_that_may_no_longer_be_opened(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = opened("Atlas", atlas=str(own))
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv(FOLDERS, str(own.parent / "elsewhere"))
        assert len(ways(goes_to(visitor, "Text"))) == 1
    assert len(ways(goes_to(visitor, "Text"))) == 2
    manifest = json.loads((own / "atlas.json").read_text(encoding="utf-8"))
    strange = {"plan": "another", "tokens": 10**400, "source": {"name": "<b>" * 10_000}}
    (own / "atlas.json").write_text(json.dumps(manifest | strange), encoding="utf-8")
    visitor = goes_to(visitor, "Text")
    assert len(ways(visitor)) == 2
    assert all(len(line) < 400 for line in said(visitor))
    (own / "heads.parquet").write_bytes(b"PAR1")
    (own / "atlas.json").write_text(json.dumps(manifest | {"plan": "a third"}), encoding="utf-8")
    assert len(ways(goes_to(visitor, "Text"))) == 1, "damaged, it says nothing"


def test_a_refused_folder_is_not_remembered(own: Path) -> None:
    visitor = opened("Atlas", atlas=str(own.parent / "nothing"))
    assert "atlas_folders" not in visitor.session_state
    assert len(ways(goes_to(visitor, "Text"))) == 1
