"""Models of one's own on the page Text: a folder, an id of the Hub, and what is refused."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from headlens.model.load import load_model
from headlens.model.protocol import TextModel
from headlens.model.runtime.folders import FOLDERS
from headlens.model.runtime.opening import identity
from headlens.viz.inputs import model_picker
from headlens.viz.pages import runtime
from tests.model.huggingface import image_models, image_text_models
from tests.model.huggingface.adapters import write as write_adapter
from tests.model.huggingface.text.test_sentence import write as write_sentence
from tests.model.huggingface.text_models import write_folder
from tests.sentences import is_one_sentence
from tests.viz.pages.apps import address, errors, open_image, open_text, press, run, shown, view

TEXT = "The [MASK] does not fit."


@pytest.fixture(autouse=True)
def models_of_their_own() -> Iterator[None]:
    yield
    runtime.shared().models.clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    return write_folder("BERT", tmp_path / "mine")


def texts(app) -> list[str]:
    return [text.value for text in app.text]


def test_a_folder_is_checked_then_loaded(folder: Path) -> None:
    app = open_text(text=TEXT)
    before = shown(app).header
    app.text_input(key="text_model_typed").set_value(str(folder))
    press(app, "Check")
    (facts,) = (text for text in texts(app) if text.startswith(str(folder)))
    assert "BertForMaskedLM, 0.0 million parameters, 2 layers × 4 heads; takes 0.00 GB" in facts
    assert shown(app).header == before  # nothing is loaded yet
    press(app, "Load it")
    assert errors(app) == []
    assert address(app) == {"text": TEXT, "model": str(folder)}
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TextModel)
    recording = model.record(TEXT)
    found = shown(app)
    assert (found.header["layers"], found.header["heads"]) == (2, 4)
    assert found.header["tokens"] == list(recording.tokens)
    layer, head, query = view(app)
    np.testing.assert_allclose(found.seen(), recording.attention(layer, head, query), atol=3e-4)
    assert any(text.startswith("What stands at [MASK]") or "“[MASK]”" in text for text in texts(app))


def test_another_checkpoint_in_the_folder_is_another_model(folder: Path) -> None:
    before = identity(str(folder))
    write_folder("RoBERTa", folder)
    assert identity(str(folder)) != before
    assert identity("minilm-l6") == "minilm-l6"


@pytest.mark.parametrize("name", ["/etc", "../../etc", "no/such/thing/here", "", "a\0b", "x" * 3_000])
def test_links_to_what_may_not_be_opened(name: str, folder: Path) -> None:
    app = open_text(model=name)
    assert shown(app).header["layers"] == 6  # the page's own is shown
    if errors(app):
        (message,) = errors(app)
        assert is_one_sentence(ValueError(message))
        assert str(folder.parent) not in message


def test_a_damaged_folder_and_one_for_another_page(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")
    app = open_text(model=str(folder))
    (message,) = errors(app)
    assert message == "'model.safetensors' is damaged; copy or download it again."
    other = write_folder("T5", folder.parent / "t5")
    app = open_text()
    app.text_input(key="text_model_typed").set_value(str(other))
    press(app, "Check")
    assert errors(app) == ["This is a model for the page Generate; open it there."]


def test_what_does_not_fit_is_refused_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from headlens.model.huggingface.load import facts as loading

    monkeypatch.setattr(loading, "free_memory", lambda device: 1_000)
    app = open_text()
    app.text_input(key="text_model_typed").set_value(str(folder))
    press(app, "Check")
    (message,) = errors(app)
    assert "takes" not in message
    assert message.startswith("It needs 0.0 GB of memory")


def test_a_link_to_the_hub_downloads_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = model_picker.fetch

    def fetch(name: str, weights: bool = True) -> Path:
        asked.append(weights)
        return real(name, weights)

    monkeypatch.setattr(model_picker, "fetch", fetch)
    app = open_text(model="organisation/name")
    assert "only when you ask for it" in app.info[0].value
    assert not any(asked)  # the configuration alone
    (message,) = errors(app)
    assert "cannot be reached from here; folders and the models in the box still work" in message
    assert shown(app).header["layers"] == 6


def test_an_adapter_is_named_with_its_base(folder: Path) -> None:
    adapter = write_adapter(folder.parent / "trained", "BERT, classes")
    app = open_text(text=TEXT)
    app.text_input(key="text_model_typed").set_value(str(adapter))
    press(app, "Check")
    (facts,) = (text for text in texts(app) if text.startswith(str(adapter)))
    assert facts.startswith(f"{adapter}, an adapter of base: BertForSequenceClassification")
    press(app, "Load it")
    assert errors(app) == []
    assert address(app)["model"] == str(adapter)
    model = load_model(str(adapter), device="cpu")
    assert isinstance(model, TextModel)
    layer, head, query = view(app)
    np.testing.assert_allclose(shown(app).seen(), model.record(TEXT).attention(layer, head, query), atol=3e-4)


def test_a_link_to_an_adapter_downloads_no_base_by_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(name: str, on_bytes: object, weights: bool) -> Path:
        asked.append((name, weights))
        return hub

    monkeypatch.setattr("headlens.model.huggingface.load.hub.download", download)
    adapter = write_adapter(folder.parent / "trained", "BERT, classes")
    hub = (adapter.parent / "base").rename(folder.parent / "of the hub")
    config = adapter / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"base_model_name_or_path": "organisation/name"}))
    app = open_text(model=str(adapter))
    assert "only when you ask for it" in app.info[0].value
    assert set(asked) == {("organisation/name", False)}  # the configuration alone
    assert any(text.startswith(f"{adapter}, an adapter of organisation/name: ") for text in texts(app))
    assert shown(app).header["layers"] == 6
    press(app, "Load it")
    assert errors(app) == []
    assert ("organisation/name", True) in asked
    assert shown(app).header["layers"] == 2


@pytest.mark.parametrize(("measure", "words"), [("cosine", "The cosine of"), ("dot", "The dot product of")])
def test_a_pair_is_compared_as_sentence_transformers_does(measure: str, words: str, folder: Path) -> None:
    own = write_sentence(folder.parent / "sentence", mode="max", similarity_fn_name=measure)
    app = open_text(model=str(own), text=TEXT, text2="Birds fly.")
    assert errors(app) == []
    theirs = SentenceTransformer(str(own), device="cpu")
    (metric,) = app.metric
    first, second = theirs.encode([TEXT, "Birds fly."])
    assert metric.value == f"{float(theirs.similarity(first, second)):.3f}"
    assert metric.help.startswith(words)


def image_page_with(folder: Path, **parameters: str):
    return open_image(model=str(folder), **{"size": "as trained"} | parameters)


def test_a_vision_transformer_of_one_s_own(folder: Path, sample_photo) -> None:
    family = image_models.FAMILIES["vit-classifier"][0]()
    image_models.randomize(family)
    own = image_models.save(folder.parent / "vit", family)
    app = image_page_with(own)
    assert errors(app) == []
    recording = image_models.load(own).record(sample_photo("coffee"))
    found = shown(app)
    assert found.header["grid"] == list(recording.grid or ())
    layer, head, query = view(app)
    np.testing.assert_allclose(found.seen(), recording.attention(layer, head, query), atol=3e-4)
    assert "The class of the whole input, with probabilities" in texts(app)


def test_a_text_looks_at_a_photo(folder: Path, sample_photo) -> None:
    network = image_text_models.FAMILIES["llava"]()
    image_models.randomize(network)
    own = image_text_models.save_with_text(folder.parent / "llava", network)
    app = image_page_with(own, text="A cat sits")
    assert errors(app) == []
    recording = image_text_models.load(own).record(sample_photo("coffee"), "A cat sits")
    found = shown(app)
    layer, head, query = view(app)
    assert query == recording.prefix_tokens - 1
    np.testing.assert_allclose(found.seen(), recording.attention(layer, head, query), atol=3e-4)
    inside = image_page_with(own, text="A cat sits", stage="vision")
    layer, head, query = view(inside)
    row = recording.attention(layer, head, query, stage="vision")
    np.testing.assert_allclose(shown(inside).seen(), row, atol=3e-4)
    app.text_input(key="image_text").set_value("The sky")
    run(app)
    assert address(app)["text"] == "The sky"
    assert shown(app).header["tokens"] != found.header["tokens"]


def test_names_are_no_markdown(folder: Path) -> None:
    own = folder.rename(folder.parent / "**bold** $x$ :red[hi] ![x](http:evil)")
    app = open_text(model=str(own))
    assert errors(app) == []
    hostile = f"{folder.parent}/![x](http://evil.example/a.png)[Sign in](http://evil.example)/../../nothing"
    for name in (hostile, f"{own}/../[Sign in](http://evil.example/x)"):
        app = open_text(model=name)
        for message in [error.value for error in app.error]:
            assert not re.search(r"(?<!\\)[\[\]()!*$:]", message)
            assert "//" not in message
