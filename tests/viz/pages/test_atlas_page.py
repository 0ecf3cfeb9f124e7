"""The page Atlas under its addresses: the shipped atlases, one of a folder, what is refused, and where links lead."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs

import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from headlens.model.atlas import open_atlas
from headlens.model.atlas.atlas import AtlasInput, Example
from headlens.model.atlas.joint_map import strongest_links
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.figures.joint_map import FADED
from headlens.viz.pages.atlas.chosen import SHIPPED
from headlens.viz.pages.atlas.examples import opened_picture, strip
from tests.paths import ROOT
from tests.viz.pages.apps import SECONDS, address, as_read, errors, run

FOLDER = ROOT / "assets" / "atlas"


def open_page(**parameters: str) -> AppTest:
    """The page Atlas under an address, beside the pages that it leads to."""

    def script() -> None:
        import streamlit as st

        from headlens.viz.pages import atlas_page, image_page, text_page
        from headlens.viz.pages.frame import frame

        pages = [
            st.Page(atlas_page.page, title="Atlas", url_path="atlas", default=True),
            st.Page(text_page.page, title="Text", url_path="text"),
            st.Page(image_page.page, title="Image", url_path="image"),
        ]
        frame(st.navigation(pages, position="hidden"), pages)

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(parameters)
    return run(app)


def figures(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def joint(app: AppTest) -> dict:
    """What the joint map is drawn from."""
    (found,) = app.get("bidi_component")
    return json.loads(found.proto.bytes)


def said(app: AppTest) -> list[str]:
    return [as_read(each.value) for each in [*app.markdown, *app.caption, *app.subheader]]


def links(app: AppTest) -> list[tuple[str, dict[str, list[str]]]]:
    found = [link.proto for link in app.get("page_link")]
    return [(link.page, parse_qs(link.query_string)) for link in found if link.query_string]


def test_it_opens_on_the_shipped_sentences_and_the_strongest_head() -> None:
    app = open_page()
    atlas = open_atlas(FOLDER / "texts")
    previous = atlas.heads("previous")
    layer, head = np.unravel_index(previous.argmax(), previous.shape)
    std = atlas.heads("previous", "std")[layer, head]
    grid = figures(app)[0]["data"][0]
    shown = {(row[0], row[1]): row[2] for row in grid["customdata"]}
    assert shown == {place: pytest.approx(value) for place, value in np.ndenumerate(previous)}
    assert f"Layer {layer}, head {head}" in said(app)
    assert any(
        line.startswith(
            f"Previous token ({previous.max():.2f} ± {std:.2f}), mean and standard deviation over 240 inputs"
        )
        for line in said(app)
    )
    assert any("Rank correlation (Spearman) of distance and weight" in line for line in said(app))
    examples = atlas.examples(int(layer), int(head))
    found = links(app)
    assert len(found) == len(examples) == 8
    page, parameters = found[0]
    text = atlas.input(examples[0].input).texts[0]
    assert page == "text"
    assert parameters == {
        "model": ["minilm-l6"],
        "layer": [str(layer)],
        "head": [str(head)],
        "query": [str(examples[0].query)],
        "text": [text],
    }
    assert address(app) == {}


def test_all_choices_are_in_the_address() -> None:
    app = open_page(layer="2", head="3", measure="broad", statistic="std", by="share", map="tsne", colour="kind")
    atlas = open_atlas(FOLDER / "texts")
    grid, histogram = figures(app)
    shown = {(row[0], row[1]): row[2] for row in grid["data"][0]["customdata"]}
    assert shown[2, 3] == pytest.approx(atlas.heads("broad", "std")[2, 3])
    assert "Layer 2, head 3" in said(app)
    lower, _, _ = atlas.histogram("broad", 2, 3)
    assert len(histogram["data"][0]["width"]["bdata"]) > 0
    assert histogram["layout"]["xaxis"]["title"]["text"] == "broad"
    mean, std = (atlas.heads("broad", name)[2, 3] for name in ("mean", "std"))
    assert f"Broad: mean {mean:.2f}, standard deviation {std:.2f}, over 240 inputs." in said(app)
    assert len(lower) > 1
    traces = joint(app)["figure"]["data"]
    assert {trace["name"].split(": ")[0] for trace in traces} == {"queries", "keys"}
    assert "queries: punctuation" in {trace["name"] for trace in traces}
    best = atlas.examples(2, 3, "share")[0]
    assert any(line.startswith(f"{best.value:.3f} of the weight in this text") for line in said(app))
    (select,) = (each for each in app.selectbox if each.key == "atlas_measure")
    assert select.options[:2] == ["previous token", "next token"], "as on the page Text"
    assert select.options[-2:] == ["distance in tokens", "distance in tokens, without special ones"]
    select.set_value("next")
    assert address(run(app))["measure"] == "next"


def test_photos_lead_to_the_page_image() -> None:
    app = open_page(atlas="photos", layer="3", head="4", colour="colour")
    best = open_atlas(FOLDER / "photos").examples(3, 4)[0]
    (page, parameters), *_ = links(app)
    assert page == "image"
    assert parameters == {
        "model": ["dinov2-focus"],
        "layer": ["3"],
        "head": ["4"],
        "query": [str(best.query)],
        "size": ["224"],
        "sample": ["Astronaut"],
    }
    _, _, *overlays = figures(app)
    assert len(overlays) == 4
    assert joint(app)["figure"]["data"][0]["marker"]["color"][1].startswith("#")


@pytest.mark.parametrize("kind", ["query", "key"])
def test_the_links_of_a_point_are_drawn_and_listed(kind: Literal["query", "key"]) -> None:
    vectors = open_atlas(FOLDER / "texts").vectors(1, 9)
    number, position = int(vectors.input[4]), int(vectors.position[4])
    app = open_page(layer="1", head="9", point=f"{kind}-{number}-{position}")
    links = strongest_links(vectors, kind, 4)
    queries, keys, *lines, _ = joint(app)["figure"]["data"]
    assert (queries["opacity"], keys["opacity"]) == (FADED, FADED)
    assert len(lines) == len(links)
    listed = next(line for line in said(app) if line.startswith(f"- {links[0].weight:.3f}: "))
    assert len(listed.splitlines()) == len(links)
    most = "the keys to which this query gives" if kind == "query" else "the queries that give this key"
    assert any(line.startswith(f"Lines lead to {most} most weight: 8 at most. All are of") for line in said(app))
    assert any("are kept, so this is the model’s own" in line for line in said(app))
    point = next(each for each in app.selectbox if each.key == "atlas_link_point")
    point.set_value(other := f"key-{number}-{int(vectors.position[5])}")
    assert address(run(app))["point"] == other
    next(each for each in app.button if each.label == "No links").click()
    assert "point" not in address(run(app))
    assert len(joint(app)["figure"]["data"]) == 2
    whole = next(each for each in app.selectbox if each.key == "atlas_link_input")
    whole.set_value(number)
    assert address(run(app))["point"] == f"query-{number}-0"


def test_links_among_some_of_the_patches_say_so() -> None:
    vectors = open_atlas(FOLDER / "photos").vectors(3, 4)
    app = open_page(atlas="photos", layer="3", head="4", point=f"query-{vectors.input[3]}-{vectors.position[3]}")
    assert any(f"The atlas keeps {len(vectors.input) // 2} of the" in line for line in said(app))
    assert any(line.startswith("- 0.") and ": patch (" in line for line in said(app))


@pytest.mark.parametrize("hostile", ["query-1-99999999", "key-999-0", "x", "query-1", "query-１-0", "query--1-0"])
def test_a_point_that_is_not_there_is_none(hostile: str) -> None:
    app = open_page(point=hostile)
    assert errors(app) == []
    assert len(joint(app)["figure"]["data"]) == 2


def test_an_atlas_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for path in (FOLDER / "photos").iterdir():
        (own / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    app = open_page(atlas=str(own))
    assert errors(app) == []
    assert links(app) == [], "its photos may be anybody's, and no address holds them"
    button = next(each for each in app.button if each.label == "Open on Image")
    assert "small copy" in button.help
    monkeypatch.setenv(FOLDERS, str(tmp_path / "elsewhere"))
    refused = open_page(atlas=str(own))
    assert errors(refused) == [f"That folder is not one of those that may be opened; {FOLDERS} says which may."]
    assert (links(refused), figures(refused), refused.subheader) == ([], [], []), "else numbers seem to be its own"
    assert "Nothing of it is shown. Choose another atlas above, or open another folder." in said(refused)
    (atlases,) = (each for each in refused.button_group if each.key == "atlas_atlas")
    atlases.set_value("texts")
    assert len(links(run(refused))) == 8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "is no folder of an atlas"),
        (b"[1", "is no folder of an atlas"),
        (b"[" * 100_000, "is no folder of an atlas"),
        (b'{"version": 9}', "of version 9"),
        (
            b'{"version": 3, "layers": 100000000, "heads": 100000000, "recorded": 1, "measures": {}, "criteria": {}}',
            "is no folder of an atlas",
        ),
    ],
)
def test_what_is_no_atlas(content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    if content is not None:
        (tmp_path / "atlas.json").write_bytes(content)
    (error,) = errors(open_page(atlas=str(tmp_path)))
    assert message in error


def test_a_damaged_table_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "texts").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((tmp_path / "atlas.json").read_text(encoding="utf-8"))
    (tmp_path / "atlas.json").write_text(json.dumps(manifest | {"heads": 10**5}), encoding="utf-8")
    (error,) = errors(open_page(atlas=str(tmp_path)))
    assert "is no folder of an atlas" in error, "no memory is taken for more heads than a model has"
    (tmp_path / "atlas.json").write_text(json.dumps(manifest | {"recorded": 10**400}), encoding="utf-8")
    (error,) = errors(open_page(atlas=str(tmp_path)))
    assert "is no folder of an atlas" in error
    (tmp_path / "atlas.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "histograms.parquet").write_bytes(b"PAR1")
    (error,) = errors(open_page(atlas=str(tmp_path)))
    assert error == "The table 'histograms.parquet' of the atlas is missing or damaged; build it again."


def changed(table: str, **columns: object) -> Callable[[Path], None]:
    """Writes other values into all rows of a table."""

    def change(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        found = parquet.read_table(path)
        for name, value in columns.items():
            at, field = found.column_names.index(name), found.schema.field(name)
            found = found.set_column(at, field, arrow.array([value] * len(found), field.type))
        parquet.write_table(found, path)

    return change


def renamed(table: str, **names: str) -> Callable[[Path], None]:
    """Gives columns of a table other names: new=old."""

    def change(folder: Path) -> None:
        path = folder / f"{table}.parquet"
        found = parquet.read_table(path)
        old = {before: after for after, before in names.items()}
        parquet.write_table(found.rename_columns([old.get(name, name) for name in found.column_names]), path)

    return change


def told(**words: object) -> Callable[[Path], None]:
    """Writes other values into the manifest."""

    def change(folder: Path) -> None:
        path = folder / "atlas.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | words), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("examples", query=10**6), "contradict each other"),
        (changed("examples", weights=[0.5, 0.5]), "contradict each other"),
        (changed("examples", weights=[float("nan")] * 257), "'examples.parquet' of the atlas is missing or damaged"),
        (changed("examples", weights=None), "'examples.parquet' of the atlas is missing or damaged"),
        (changed("examples", input=10**6), "Nothing is kept of an input 1000000."),
        (changed("inputs", special=[True]), "'inputs.parquet' of the atlas is missing or damaged"),
        (changed("inputs", rows=2**31 - 1, columns=2**31 - 1), "'inputs.parquet' of the atlas is missing or damaged"),
        (changed("heads", layer=10**4), "'heads.parquet' of the atlas is missing or damaged"),
        (changed("vectors", position=10**6), "contradict each other"),
        (changed("vectors", kind="query"), "'vectors.parquet' of the atlas is missing or damaged"),
        (changed("vectors", vector=[float("nan")] * 64), "'vectors.parquet' of the atlas is missing or damaged"),
        (changed("vectors", vector=[3e38] * 64), "'vectors.parquet' of the atlas is missing or damaged"),
        (changed("vectors", vector=[]), "'vectors.parquet' of the atlas is missing or damaged"),
        (changed("vectors", vector=None), "'vectors.parquet' of the atlas is missing or damaged"),
        (changed("histograms", lower=float("nan")), "'histograms.parquet' of the atlas is missing or damaged"),
        (changed("histograms", count=None), "'histograms.parquet' of the atlas is missing or damaged"),
        (changed("inputs", id=None), "'inputs.parquet' of the atlas is missing or damaged"),
        (renamed("examples", measure="rank"), "'examples.parquet' of the atlas is missing or damaged"),
        (told(criteria={"weight": 5}), "is no folder of an atlas"),
        (told(measures={"near": {"name": 5, "definition": "", "source": "", "unit": ""}}), "is no folder of an atlas"),
    ],
)
def test_tables_that_contradict_each_other_are_one_sentence(
    change: Callable[[Path], None], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "photos").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    change(tmp_path)
    (error,) = errors(open_page(atlas=str(tmp_path), layer="3", head="4"))
    assert message in error


def test_an_atlas_of_one_text_and_one_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "texts").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told(recorded=1, model={"title": "Small", "kind": "causal"})(tmp_path)
    failed = tmp_path / "failed.parquet"
    parquet.write_table(arrow.table({"input": [7], "id": ["x"], "reason": ["y"]}, parquet.read_schema(failed)), failed)
    app = open_page(atlas=str(tmp_path))
    assert "Small · 6 layers × 12 heads · 1 text of sentences.txt" in said(app)
    assert any(
        each.value.endswith("; 1 could not be read or run, and is in failed.parquet with the reason.")
        for each in app.text
    )
    assert any(line.endswith("of its weight rests on the first token and special ones.") for line in said(app))


def test_an_atlas_without_queries_and_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "texts").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    vectors = tmp_path / "vectors.parquet"
    parquet.write_table(parquet.read_table(vectors).slice(0, 0), vectors)
    app = open_page(atlas=str(tmp_path))
    assert errors(app) == []
    assert [each.value for each in app.info] == [
        "This atlas keeps no queries and keys of its inputs, so there is no map of them."
    ]
    assert {each.key for each in app.get("button_group")} == {"atlas_atlas", "atlas_order", "atlas_by"}


def test_a_head_is_chosen_from_the_list() -> None:
    app = open_page(measure="next")
    (heads,) = (each for each in app.selectbox if each.key == "atlas_head")
    values = open_atlas(FOLDER / "texts").heads("next")
    first = tuple(int(number) for number in np.unravel_index(values.argmax(), values.shape))
    assert heads.value == first
    assert heads.options[0] == f"layer {first[0]}, head {first[1]}", "the largest mean"
    assert len(heads.options) == values.size
    heads.set_value((2, 3))
    assert {"layer": "2", "head": "3"}.items() <= address(run(app)).items()
    assert "Layer 2, head 3" in said(app)


@pytest.mark.parametrize("hostile", ["-1", "9" * 30, "x", "１"])
def test_a_hostile_head_is_the_first(hostile: str) -> None:
    assert said(open_page(layer=hostile, head=hostile)) == said(open_page())


def test_tokens_of_strangers_are_escaped() -> None:
    tokens = ("[CLS]", "<img src=x onerror=alert(1)>", "b\u202e", "[SEP]")
    found = AtlasInput("x", ("t",), tokens, np.array([True, False, False, True]), None, b"")
    drawn = strip(found, Example(0, 0.5, 1, 2, np.array([0.6, 0.1, 0.25, 0.05], np.float32)))
    assert '<bdi class="query" style="--weight: 0.400" title="10 %">&lt;img src=x onerror=alert(1)&gt;</bdi>' in drawn
    assert '<bdi class="" style="--weight: 1.000" title="25 %">b⟨202E⟩</bdi>' in drawn
    assert '<bdi class="special" style="--weight: 1.000" title="60 %">[CLS]</bdi>' in drawn
    assert drawn.count("<") == 2 * (len(tokens) + 1)


def test_of_a_long_text_the_strongest_pair_is_drawn() -> None:
    found = AtlasInput("x", ("t",), tuple("abc"), np.zeros(3, dtype=bool), None, b"")
    drawn = strip(found, Example(0, 0.5, 0, 2, np.zeros(0, np.float32)))
    assert re.findall(r"--weight: ([\d.]+)", drawn) == ["0.000", "0.000", "1.000"]
    assert drawn.count('title=""') == 3


def test_tokens_of_strangers_are_escaped_in_the_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "texts").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    tokens = ["<img src=x onerror=alert(1)>", "%{x}", "$a$", *["b"] * 57]
    changed("inputs", tokens=tokens, special=[False] * 60, id="<b>$x$", texts=["שלום\u202e"])(tmp_path)
    changed("examples", weights=[])(tmp_path)
    number = open_atlas(tmp_path).vectors(0, 0).input[0]
    app = open_page(atlas=str(tmp_path), layer="0", head="0", point=f"query-{number}-0")
    (choice,) = (each for each in app.selectbox if each.key == "atlas_link_input")
    assert choice.options[0] == "<b>$x$: \u2068שלום⟨202E⟩\u2069"
    first = joint(app)["inputs"][0]
    assert first["tokens"][:3] == ["&lt;img src=x onerror=alert(1)&gt;", "%{x}", "$a$"]
    assert first["id"] == "&lt;b&gt;$x$"
    (listed,) = [each.value for each in app.markdown if " → " in each.value and each.value.startswith("- 0.")]
    assert "<img" not in listed.replace("\\<", "")
    assert "$a$" not in listed.replace("\\$", "")


def test_criteria_of_strangers_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    for path in (FOLDER / "texts").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    told(criteria={"![x](http://a/b.png)": "![x](http://a/b.png)"})(tmp_path)
    app = open_page(atlas=str(tmp_path))
    (shown,) = (each for each in app.get("button_group") if each.key == "atlas_by")
    assert "![" not in shown.proto.help + shown.proto.options[0].content
    assert as_read(shown.proto.options[0].content).startswith("![x](http")


def test_pictures_of_strangers_are_small_jpegs() -> None:
    def encoded(size: tuple[int, int], kind: str) -> bytes:
        file = io.BytesIO()
        Image.new("RGB", size).save(file, kind)
        return file.getvalue()

    good = opened_picture(encoded((30, 20), "JPEG"))
    assert good is not None
    assert good.shape == (20, 30, 3)
    for bad in (b"", b"\xff\xd8", encoded((30, 20), "PNG"), encoded((2000, 20), "JPEG")):
        assert opened_picture(bad) is None


def test_every_control_says_what_it_does() -> None:
    app = open_page()
    assert set(SHIPPED) == {path.name for path in FOLDER.iterdir() if path.is_dir()}
    controls = [*app.selectbox, *app.get("button_group"), *app.text_input]
    assert len(controls) == 10
    assert all(each.proto.help for each in controls)
