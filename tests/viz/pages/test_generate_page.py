"""The page Generate: what is written, and the stages of models that read and write."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.text.sequence import TransformersSequence
from headlens.model.load import load_model
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.pages import runtime
from tests.model.huggingface.text_models import write_folder
from tests.viz.pages.apps import SECONDS, address, errors, press, run, shown, tell, view


@pytest.fixture(autouse=True)
def models_of_their_own() -> Iterator[None]:
    yield
    runtime.shared().models.clear()


@pytest.fixture
def t5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    return write_folder("T5", tmp_path / "t5")


def open_generate(**parameters: str) -> AppTest:
    def script() -> None:
        from headlens.viz.pages import generate_page

        generate_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(parameters)
    return run(app)


def texts(app: AppTest) -> list[str]:
    return [text.value for text in app.text]


def test_the_capital_of_france(smollm2: TransformersText) -> None:
    app = open_generate(tokens="3")
    assert errors(app) == []
    expected = smollm2.write("The capital of France is", 3)
    found = shown(app)
    assert found.header["tokens"][:6] == ["The", "capital", "of", "France", "is", "Paris"]
    assert any(text.startswith("The capital of France is Paris") for text in texts(app))
    assert view(app) == (15, 0, 5)
    np.testing.assert_allclose(found.seen(), expected.attention(15, 0, 5), atol=3e-4)
    tell(app, view=found.header["view"] | {"query": 4})
    assert any(text.startswith("What comes after “is”") for text in texts(app))


def test_the_chosen_head_stays_while_more_is_written() -> None:
    app = open_generate(tokens="1", layer="3", head="2", query="1", nospecial="1")
    app.number_input(key="generate_tokens").set_value(2)
    press(app, "Write")
    assert {name: address(app).get(name) for name in ("tokens", "layer", "head", "nospecial", "query")} == {
        "tokens": "2",
        "layer": "3",
        "head": "2",
        "nospecial": "1",
        "query": None,
    }
    assert view(app) == (3, 2, 5)


def test_what_is_typed_is_written_on_and_linked() -> None:
    app = open_generate(tokens="2")
    app.text_area(key="generate_prompt").set_value("Birds fly")
    app.number_input(key="generate_tokens").set_value(4)
    press(app, "Write")
    assert address(app) == {"text": "Birds fly", "tokens": "4"}
    assert len(shown(app).header["tokens"]) == 6
    app.text_area(key="generate_prompt").set_value("   ")
    press(app, "Write")
    (message,) = errors(app)
    assert message == "The text is empty; type at least one word."
    assert app.text_area(key="generate_prompt").value == "   "
    assert shown(app).header["tokens"][0] == "Birds"


@pytest.mark.parametrize("tokens", ["0", "-1", "x", "999999", "0001999", "0" * 4_000 + "1", "1e3", "²"])
def test_hostile_numbers_of_tokens(tokens: str) -> None:
    assert len(shown(open_generate(tokens=tokens)).header["tokens"]) == 5 + 2


def test_three_stages(t5: Path) -> None:
    app = open_generate(model=str(t5), text="Birds fly south.", tokens="4")
    assert errors(app) == []
    model = load_model(str(t5), device="cpu")
    assert isinstance(model, TransformersSequence)
    recording = model.write("Birds fly south.", 4)
    cross = recording.of("cross")
    assert cross.keys is not None
    found = shown(app)
    assert found.header["tokens"] == [*recording.tokens, *cross.tokens]
    layer, head, query = view(app)
    row = cross.attention(layer, head, query - recording.num_tokens)
    np.testing.assert_allclose(found.seen()[: recording.num_tokens], row, atol=3e-4)
    rows = [recording.attention(layer, head, stage="cross")[token] for token in range(cross.num_tokens)]
    spread = np.mean([np.exp(-(row[row > 0] * np.log(row[row > 0])).sum()) for row in rows])
    assert f"from all that is written, over {spread:.1f} on average" in found.header["words"]
    figure = found.header["figure"]["layout"]
    assert figure["xaxis"]["range"] == [-0.5, recording.num_tokens - 0.5]
    assert figure["yaxis"]["range"] == [len(found.header["tokens"]) - 0.5, recording.num_tokens - 0.5]
    for stage in ("encoder", "decoder"):
        app = open_generate(model=str(t5), text="Birds fly south.", tokens="4", stage=stage)
        layer, head, query = view(app)
        assert shown(app).header["tokens"] == list(recording.of(stage).tokens)
        np.testing.assert_allclose(shown(app).seen(), recording.attention(layer, head, query, stage=stage), atol=3e-4)
