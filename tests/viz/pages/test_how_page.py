"""The page How it works: its frame, what its address opens, and how an input comes along from the other pages."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.viz.inputs.samples import TEXTS
from headlens.viz.pages.how.glossary import GLOSSARY
from headlens.viz.pages.how.steps import STEPS
from tests.viz.hostile import HOSTILE
from tests.viz.pages.apps import MAIN, SECONDS, address, choose, errors, run, upload
from tests.viz.pages.how.opened import chart, open_how, said


def heading(app: AppTest) -> str:
    (found,) = app.subheader
    return found.value


def test_it_opens_on_the_first_step_of_the_first_sample() -> None:
    app = open_how()
    assert heading(app) == "1. A soft dictionary"
    assert address(app) == {}
    assert app.text_input(key="how_text").value == TEXTS["Trophy"].texts[0]
    assert [app.selectbox(key=f"how_{name}").value for name in ("layer", "head", "query")] == [3, 1, 11]
    assert "trophy" in said(app, "fits best")


def test_what_the_link_holds_and_which_model_runs() -> None:
    captions = [caption.value for caption in open_how().caption]
    assert captions[-1] == "This link opens what you see."
    assert captions[-2].startswith("all-MiniLM-L6-v2 · 6 layers × 12 heads · 17 tokens · ")
    assert open_how(text="Heads look.").caption[-1].value == "Your text is in this link."
    app = open_how()
    app.text_input(key="how_text").set_value("Heads look. " * 300)
    assert run(app).caption[-1].value == "Your text is not in this link: it is too long for an address."


def test_there_are_the_twelve_steps() -> None:
    assert len(STEPS) == 12
    for step in STEPS:
        assert set(step.terms) <= GLOSSARY.keys()
        assert step.source.endswith(".")


@pytest.mark.parametrize("kind", ["text", "image"])
@pytest.mark.parametrize("number", range(1, 13))
def test_every_step_opens_from_its_address(number: int, kind: str) -> None:
    app = open_how(kind=kind, step=str(number))
    assert heading(app) == f"{number}. {STEPS[number - 1].title}"
    assert any(caption.value == f"Source: {STEPS[number - 1].source}" for caption in app.caption)
    assert errors(app) == []
    others = [button.label for button in app.button if button.label.startswith(("Back", "Next"))]
    assert others == [
        *([f"Back: {STEPS[number - 2].short}"] if number > 1 else []),
        *([f"Next: {STEPS[number].short}"] if number < 12 else []),
    ]


def test_next_and_back_turn_the_page() -> None:
    app = open_how(step="4", layer="2")
    app.button(key="how_Next").click()
    assert heading(run(app)).startswith("5.")
    assert address(app) == {"step": "5", "layer": "2"}
    app.button(key="how_Back").click()
    assert heading(run(app)).startswith("4.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": "0", "layer": "99", "head": "-1", "query": "17"},
        {"step": "13", "kind": "video", "temperature": "nan"},
        {"step": "<b>", "layer": "1.0", "query": "", "scaling": "both", "positions": "x" * 5000},
        {"step": "１", "sample": "Nobody", "own": "1", "order": "[]"},
    ],
)
def test_what_is_wrong_in_an_address_falls_back(wrong: dict[str, str]) -> None:
    app = open_how(**wrong)
    assert heading(app) == "1. A soft dictionary"
    assert [app.selectbox(key=f"how_{name}").value for name in ("layer", "head", "query")] == [3, 1, 11]
    found, expected = (chart(each, 0)["data"][1]["x"] for each in (app, open_how()))
    assert found == expected


def test_layer_head_and_query_stay_in_the_address() -> None:
    app = open_how(step="6")
    choose(app, how_layer=5, how_head=7, how_query=2)
    assert address(app) == {"step": "6", "layer": "5", "head": "7", "query": "2"}
    choose(app, how_layer=3, how_head=1, how_query=11)
    assert address(app) == {"step": "6"}


def test_an_own_text_is_run_and_in_the_address(minilm: EncoderTextModel) -> None:
    app = open_how(step="4", layer="2", temperature="0.5")
    app.text_input(key="how_text").set_value("Heads look.")
    run(app)
    assert address(app) == {"text": "Heads look.", "step": "4", "temperature": "0.5", "layer": "2"}
    assert any("Q: 5 × 32" in caption.value for caption in app.caption)
    again = open_how(text="Heads look.", step="4")
    assert again.text_input(key="how_text").value == "Heads look."


def test_a_pair_is_read_together() -> None:
    app = open_how(step="4", text="Heads look.")
    app.text_area(key="how_second").set_value("Words wait.")
    run(app)
    assert address(app) == {"text": "Heads look.", "text2": "Words wait.", "step": "4"}
    assert any("Q: 9 × 32" in caption.value for caption in app.caption)
    app.text_area(key="how_second").set_value("")
    assert address(run(app)) == {"text": "Heads look.", "step": "4"}


def test_an_own_photo_is_given_here_too(sample_photo: Callable[[str], Path]) -> None:
    app = upload(open_how(kind="image", step="10"), sample_photo("astronaut").read_bytes())
    assert errors(app) == []
    assert address(app) == {"kind": "image", "step": "10", "own": "1", "size": "224"}
    assert app.caption[-1].value == "Your photo is not in this link."
    upload(app, b"broken")
    assert len(errors(app)) == 1
    assert heading(app) == "10. Vision transformers"


def test_a_text_that_cannot_be_read_is_refused() -> None:
    app = open_how()
    app.text_input(key="how_text").set_value("   ")
    assert len(errors(run(app))) == 1
    assert app.text_input(key="how_text").value == "   "
    app.text_input(key="how_text").set_value(long := "word " * 20_001)
    assert len(errors(run(app))) == 1
    assert app.text_input(key="how_text").value == long  # to be shortened
    assert heading(app) == "1. A soft dictionary"


def test_a_text_that_is_cut_says_so() -> None:
    (note,) = (info.value for info in open_how(text="one " * 600).info)
    assert note.startswith("This model reads 512 tokens: ")


def test_a_sample_changes_the_input_and_keeps_the_step() -> None:
    app = choose(open_how(step="5", scaling="unscaled", query="4"), how_sample="Bank")
    assert address(app) == {"step": "5", "scaling": "unscaled", "sample": "Bank"}
    assert app.selectbox(key="how_query").value == TEXTS["Bank"].query


@pytest.mark.parametrize("token", HOSTILE)
def test_what_strangers_type_never_reaches_markdown(token: str) -> None:
    app = open_how(text=f"{token} zebra", query="1")
    assert not any(token in part.value or "zebra" in part.value for part in (*app.markdown, *app.caption))


def pages(app: AppTest) -> dict[str, str]:
    """Title -> what AppTest calls the page."""
    return {info["page_name"]: number for number, info in app._registered_pages.items()}


def go(app: AppTest, title: str) -> AppTest:
    """To another page; the browser empties the address."""
    app.query_params = {}
    app._page_hash = pages(app)[title]
    return run(app)


def test_the_input_of_the_page_before_comes_along_and_goes_back() -> None:
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    app.query_params.update({"sample": "Bank", "layer": "4", "of": "layer-max"})
    run(app)
    go(app, "How it works")
    assert address(app) == {"sample": "Bank", "layer": "4"}
    app.button(key="how_Next").click()
    choose(app, how_layer=2)
    assert address(app) == {"sample": "Bank", "layer": "2", "step": "2"}
    go(app, "Text")
    assert address(app) == {"sample": "Bank", "layer": "2", "of": "layer-max"}
    app.query_params = {"size": "224", "sample": "Cat"}
    app._page_hash = pages(app)["Image"]
    run(app)
    go(app, "How it works")
    assert address(app) == {"step": "2", "kind": "image", "size": "224", "sample": "Cat"}
    choose(app, how_kind="text")
    assert address(app) == {"step": "2", "sample": "Bank", "layer": "2"}


def test_a_link_says_itself_what_it_shows() -> None:
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    app.query_params.update({"sample": "Bank"})
    run(app)
    app.query_params = {"sample": "Keys", "step": "4"}
    app._page_hash = pages(app)["How it works"]
    assert address(run(app)) == {"sample": "Keys", "step": "4"}


@pytest.mark.parametrize(
    ("title", "asked", "brought"),
    [
        ("Text", {"model": "smollm2-135m", "text": "Birds fly."}, {}),
        ("Image", {"sample": "Cat", "size": "224"}, {"kind": "image"}),
        ("Generate", {"text": "Birds fly", "tokens": "1"}, {"model": "smollm2-135m"}),
        ("Does it matter?", {"kind": "prompt", "text": "Birds fly", "tokens": "1"}, {"model": "smollm2-135m"}),
    ],
)
def test_an_input_goes_on_from_one_page_that_brings_it_to_the_next(
    title: str, asked: dict[str, str], brought: dict[str, str]
) -> None:
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    run(app)
    app.query_params = dict(asked)
    app._page_hash = pages(app)[title]
    run(app)
    if title != "Does it matter?":
        go(app, "Does it matter?")
    asked_about = address(app)
    go(app, "How it works")
    assert address(app) == {name: value for name, value in asked.items() if name not in ("tokens", "kind")} | brought
    assert errors(app) == []
    go(app, "Does it matter?")
    assert address(app) == asked_about


def test_what_is_chosen_here_goes_on_too() -> None:
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    run(app)
    app.query_params = {"text": "Birds fly", "tokens": "1"}
    app._page_hash = pages(app)["Generate"]
    run(app)
    go(app, "How it works")
    app.text_input(key="how_text").set_value("Heads look.")
    run(app)
    go(app, "Does it matter?")
    assert address(app) == {"model": "smollm2-135m", "text": "Heads look."}


@pytest.mark.parametrize("title", ["How it works", "Does it matter?"])
def test_coming_from_sounds_it_says_that_this_is_no_sound(title: str) -> None:
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    run(app)
    go(app, "Sound")
    go(app, title)
    sentence = "Sounds are not taken apart here: this is a sample, or what you looked at here before."
    assert [info.value for info in app.info] == [sentence]
    key = "how_text" if title == "How it works" else "matter_text"
    app.text_input(key=key).set_value("Heads look.")
    assert [info.value for info in run(app).info] == []
    go(app, "Text")
    assert [info.value for info in go(app, title).info] == []
