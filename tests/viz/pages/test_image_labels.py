"""Labels of one's own on the page Image: the field, the address, what is drawn and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.load import load_model
from headlens.model.recording.parts import Prediction
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.figures.labels import percent
from headlens.viz.inputs.labels import split
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages import runtime
from headlens.viz.view.visible import visible
from tests.model.huggingface.label_models import write_label_model
from tests.viz.pages.apps import address, choose, errors, open_image, shown, tell

LABELS = ("a cup", "<b>bird</b>", "a cat")
HEADINGS = {
    "CLIP": "Which of your labels fits the photo, with probabilities of one choice",
    "SigLIP 2": "How well each of your labels fits the photo, with a probability of its own",
}


@pytest.fixture(autouse=True)
def models_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    yield
    runtime.shared().models.clear()


def bars(app: AppTest) -> list[str]:
    """What is written on the bars of the labels."""
    (chart,) = [json.loads(each.proto.spec) for each in app.get("plotly_chart")]
    return [each["text"] for each in chart["layout"]["annotations"]]


def written(prediction: Prediction) -> list[str]:
    rows = [
        (visible(name).replace("<", "&lt;").replace(">", "&gt;"), percent(score))
        for name, score in prediction.candidates
    ]
    return [part for row in rows for part in row]


def held(folder: Path) -> TransformersImage:
    """The model that the page runs."""
    model = runtime.shared().held_model(str(folder))
    assert isinstance(model, TransformersImage)
    return model


@pytest.mark.parametrize("family", HEADINGS)
def test_labels_are_drawn_beside_the_photo(family: str, tmp_path: Path) -> None:
    folder = write_label_model(family, tmp_path / "model")
    app = open_image(model=str(folder), size="as trained")
    assert errors(app) == []
    assert len(app.get("plotly_chart")) == 0
    assert not held(folder).has_labeller  # nothing is computed without labels
    tell(app, view={"layer": 0, "head": 3, "query": 7})
    choose(app, image_labels=f"{LABELS[0]},  {LABELS[1]}\n{LABELS[2]},")
    assert errors(app) == []
    assert address(app)["labels"] == f"{LABELS[0]},  {LABELS[1]}\n{LABELS[2]},"
    own = load_model(str(folder), device="cpu")
    assert isinstance(own, TransformersImage)
    photo = PHOTOS["Coffee"].read()
    assert bars(app) == written(own.labels(photo, LABELS))
    assert HEADINGS[family] in [text.value for text in app.text]
    assert (address(app)["layer"], address(app)["head"], address(app)["query"]) == ("0", "3", "7")  # the view stays
    again = open_image(**address(app))
    assert bars(again) == bars(app)
    assert again.text_area(key="image_labels").value == address(app)["labels"]
    choose(app, image_sample="Cat")
    assert bars(app) == written(own.labels(PHOTOS["Cat"].read(), LABELS))
    choose(app, image_size="224")
    assert bars(app) == written(own.labels(PHOTOS["Cat"].read(), LABELS, 224))
    choose(app, image_labels="a bird, a cup")
    assert bars(app) == written(own.labels(PHOTOS["Cat"].read(), ["a bird", "a cup"], 224))
    choose(app, image_labels="  ")
    assert "labels" not in address(app)
    assert len(app.get("plotly_chart")) == 0


def test_what_is_refused_leaves_the_photo(tmp_path: Path) -> None:
    folder = write_label_model("CLIP", tmp_path / "model")
    app = open_image(model=str(folder), labels=",".join(map(str, range(33))))
    assert errors(app) == ["There are 33 labels; give 1 to 32."]
    assert shown(app).header["grid"]
    choose(app, image_labels="a cat, " + "<i>*x*</i>" * 11)
    (message,) = errors(app)
    assert message == "The label “<i>*x*</i><i>*x*</i>…” has more than 100 characters; shorten it."
    assert str(app.text_area(key="image_labels").value).startswith("a cat, <i>")  # to be corrected
    for path in folder.glob("*token*"):
        path.unlink()
    for path in (*folder.glob("vocab*"), *folder.glob("merges*")):
        path.unlink()
    (message,) = errors(choose(app, image_labels="a cat"))
    assert message.startswith("There is no tokenizer in 'model'")
    assert shown(app).header["grid"]


def test_a_model_without_labels_has_no_field() -> None:
    app = open_image(labels="a cat")
    assert len(app.text_area) == 0
    assert errors(app) == []


@pytest.mark.parametrize(
    ("typed", "labels"),
    [("", ()), (" , \n,", ()), ("a cat", ("a cat",)), ("a cat,a dog\né, 🦆 ", ("a cat", "a dog", "é", "🦆"))],
)
def test_commas_and_lines(typed: str, labels: tuple[str, ...]) -> None:
    assert split(typed) == labels
