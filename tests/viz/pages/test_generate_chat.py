"""Chats on the page Generate, and on the pages that take them over from it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.effects.choices import target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Chat
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.pages import runtime
from headlens.viz.pages.matter.words import number
from headlens.viz.pages.matter_page import DIGITS
from headlens.viz.view.visible import visible
from tests.model.huggingface.chat_models import write_chat_model
from tests.viz.pages.apps import SECONDS, address, errors, press, run, shown, view
from tests.viz.pages.how.opened import open_how
from tests.viz.pages.test_generate_page import open_generate, texts
from tests.viz.pages.test_matter_page import metrics, open_matter

PROMPT, SYSTEM = "The capital of France is", "Say one word."


@pytest.fixture(autouse=True)
def models_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    yield
    runtime.shared().models.clear()


def flip(app: AppTest, on: bool) -> AppTest:
    app.toggle(key="generate_chat").set_value(on)
    return run(app)


def named(recording: Recording) -> list[str]:
    return [visible(name) for name in recording.tokens]


def special_of(app: AppTest) -> list[bool]:
    return [bool(each) for each in shown(app).header["special"]]


def test_the_plain_prompt_is_what_a_visitor_finds(smollm2: TransformersText) -> None:
    app = open_generate()
    assert app.toggle(key="generate_chat").value is False
    assert shown(app).header["tokens"] == named(smollm2.write(PROMPT, 2))
    assert address(app) == {}


def test_the_switch_a_system_message_and_back(smollm2: TransformersText) -> None:
    app = flip(open_generate(tokens="3"), True)
    assert errors(app) == []
    assert address(app) == {"text": PROMPT, "tokens": "3", "chat": "1"}
    assert shown(app).header["tokens"] == named(smollm2.write(Chat(PROMPT), 3))
    app.text_area(key="generate_system").set_value(f" {SYSTEM}\n")
    press(app, "Write")
    assert address(app) == {"text": PROMPT, "text2": SYSTEM, "tokens": "3", "chat": "1"}
    expected = smollm2.write(Chat(PROMPT, SYSTEM), 3)
    found = shown(app)
    assert found.header["tokens"] == named(expected)
    assert special_of(app) == expected.special.tolist()
    assert special_of(app)[:4] == [True, True, True, False]  # <|im_start|> system, a new line; Say
    layer, head, query = view(app)
    assert query == expected.segments.index(1)
    np.testing.assert_allclose(found.seen(), expected.attention(layer, head, query), atol=3e-4)
    assert f"{PROMPT}\n{expected.texts[1]}" in texts(app)
    again = open_generate(**address(app))
    assert shown(again).header["tokens"] == named(expected)
    assert again.text_area(key="generate_system").value == SYSTEM
    flip(app, False)
    assert address(app) == {"text": PROMPT, "text2": SYSTEM, "tokens": "3"}
    assert shown(app).header["tokens"] == named(smollm2.write(PROMPT, 3))
    assert app.text_area(key="generate_system").value == SYSTEM  # kept, for when it is flipped again
    flip(app, True)
    assert shown(app).header["tokens"] == named(expected)


def test_a_template_that_refuses_a_system_message(tmp_path: Path) -> None:
    folder = write_chat_model("Gemma", tmp_path / "gemma")
    app = open_generate(model=str(folder), text="Birds fly south.", chat="1")
    assert errors(app) == []
    before = shown(app).header["tokens"]
    assert "<start_of_turn>" in before
    app.text_area(key="generate_system").set_value("Be kind.")
    press(app, "Write")
    assert errors(app) == [
        "The model's chat template says “System role not supported”; change the messages, or write without it."
    ]
    assert app.text_area(key="generate_system").value == "Be kind."
    assert shown(app).header["tokens"] == before
    # Links that hold it are refused in the same words.
    (message,) = errors(open_generate(model=str(folder), text="Birds fly.", text2="Be kind.", chat="1"))
    assert "System role not supported" in message


def test_what_a_hostile_template_says_is_read_as_it_is(tmp_path: Path) -> None:
    template = "{{ raise_exception('<img src=x onerror=alert(1)> [a](http://b.c) $x$ ' * 20) }}"
    folder = write_chat_model("Qwen 3", tmp_path / "hostile", template)
    app = open_generate(model=str(folder), chat="1")
    (message,) = errors(app)
    assert message.startswith("The model's chat template says “<img src=x onerror=alert(1)> [a](http://b.c) $x$ <img")
    assert r"\<img" in app.error[0].value
    assert shown(app).header["tokens"][0] == "The"  # the page goes on with its own prompt


def test_a_model_without_a_template_has_no_switch(tmp_path: Path) -> None:
    folder = write_chat_model("Qwen 3", tmp_path / "base", {"rag": "{{ 1 }}"})
    app = open_generate(model=str(folder), text="Birds fly", text2=SYSTEM, chat="1")
    assert "generate_chat" not in [toggle.key for toggle in app.toggle]
    assert [area.key for area in app.text_area] == ["generate_prompt"]
    assert app.info[0].value == "This model's tokenizer has no chat template: it goes on from the prompt alone."
    assert "im_start" not in "".join(shown(app).header["tokens"])


def test_does_it_matter_asks_about_the_answer(smollm2: TransformersText) -> None:
    app = open_matter(kind="prompt", text=PROMPT, text2=SYSTEM, chat="1", tokens="2", off="12.0-23.4")
    assert errors(app) == []
    experiment = Experiment(smollm2, smollm2.continued(Chat(PROMPT, SYSTEM), 2))
    change = ablate(experiment, [(12, 0), (23, 4)], target(experiment))
    assert metrics(app)["now"] == number(change.after, DIGITS)
    app.toggle(key="generate_chat").set_value(False)
    run(app)
    assert address(app)["kind"] == "prompt"
    assert "chat" not in address(app)
    plain = Experiment(smollm2, smollm2.continued(PROMPT, 2))
    assert metrics(app)["before"] == number(ablate(plain, (), target(plain)).before, DIGITS)


@pytest.mark.parametrize("step", range(1, 13))
def test_how_it_works_takes_the_chat_apart(step: int, smollm2: TransformersText) -> None:
    app = open_how(model="smollm2-135m", text=PROMPT, text2=SYSTEM, chat="1", step=str(step))
    assert errors(app) == []
    expected = smollm2.record(Chat(PROMPT, SYSTEM))
    (query,) = [box for box in app.selectbox if box.key == "how_query"]
    assert len(query.options) == expected.num_tokens
    assert query.options[0].endswith("<|im_start|>")
    (second,) = [field for field in app.text_area if field.key == "how_second"]
    assert (second.label, second.value) == ("System message", SYSTEM)


def test_from_generate_to_how_and_back() -> None:
    def script() -> None:
        import streamlit as st

        from headlens.viz.pages import generate_page, how_page

        (how_page if st.session_state.get("now") == "how" else generate_page).page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update({"text": PROMPT, "text2": SYSTEM, "chat": "1", "tokens": "1"})
    run(app)
    written = shown(app).header["tokens"]
    for now in ("how", "generate"):
        app.session_state["now"] = now
        app.query_params.clear()
        run(app)
        assert errors(app) == []
        if now == "how":
            given = {name: value for name, value in address(app).items() if name in ("text", "text2", "chat")}
            assert given == {"text": PROMPT, "text2": SYSTEM, "chat": "1"}
            (query,) = [box for box in app.selectbox if box.key == "how_query"]
            tokens = [option.split(" · ", 1)[1] for option in query.options]
            assert all(one == other for one, other in itertools.zip_longest(tokens, written[:-1]))
            app.text_input(key="how_text").set_value("Birds fly")
            run(app)
            assert (address(app)["text"], address(app)["chat"]) == ("Birds fly", "1")
    assert shown(app).header["tokens"] == written
