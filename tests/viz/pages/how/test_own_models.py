"""The steps on models of one's own: folders of many families, text and image, and what they cannot give."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headlens.model import load_model
from headlens.model.protocol import WritingModel
from headlens.model.runtime.folders import FOLDERS
from headlens.viz.pages import runtime
from headlens.viz.pages.how.steps import STEPS
from tests.model.huggingface.image_models import FAMILIES as IMAGES
from tests.model.huggingface.image_models import save
from tests.model.huggingface.text_models import write_folder
from tests.viz.figures.decode import numbers_in
from tests.viz.pages.apps import address, choose, errors, run
from tests.viz.pages.how.opened import chart, open_how, said

TEXT = "Birds fly south in winter."
FAMILIES = (
    "ALBERT",
    "BART",
    "BLOOM",
    "DeBERTa-v2",
    "GPT-2",
    "GPT-J",
    "Gemma 2",
    "Llama",
    "ModernBERT",
    "T5",
    "gpt-oss",
)
PHOTOS = ("beit", "clip", "deit", "dinov3", "siglip")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("own models")
        patch.setenv(FOLDERS, str(folder))
        yield folder
    runtime.shared().models.clear()


@pytest.fixture(scope="module")
def folder(root: Path) -> Callable[[str], str]:
    def find(family: str) -> str:
        path = root / family.replace(" ", "")
        if not path.exists() and family in IMAGES:
            path.mkdir()
            save(path, IMAGES[family][0]())
        elif not path.exists():
            write_folder(family, path)
        return str(path)

    return find


Folder = Callable[[str], str]


def opened(family: str, folder: Folder, **params: str):
    given = {"kind": "image", "size": "as trained"} if family in IMAGES else {"text": TEXT}
    return open_how(model=folder(family), **given, **params)


def loaded(family: str, folder: Folder) -> WritingModel:
    model = load_model(folder(family), device="cpu")
    assert isinstance(model, WritingModel)
    return model


@pytest.mark.parametrize("family", [*FAMILIES, *PHOTOS])
def test_every_step_is_shown(family: str, folder: Folder) -> None:
    for number, step in enumerate(STEPS, start=1):
        app = opened(family, folder, step=str(number))
        assert errors(app) == [], (number, errors(app))
        told = [info.value for info in app.info]
        if family in ("BLOOM", "DeBERTa-v2", "GPT-J") and step.vectors:
            assert "computes its attention by itself" in told[0]
        else:
            assert told == [], number
            assert app.get("plotly_chart") or number in (11, 12)


@pytest.mark.parametrize("family", ["Llama", "GPT-2", "T5"])
def test_the_numbers_are_the_recording_s(family: str, folder: Folder) -> None:
    app = opened(family, folder, step="1", layer="1", head="2", query="3")
    model = loaded(family, folder)
    recording = model.write(TEXT, 1) if family == "T5" else model.record(TEXT)
    weights = recording.attention(1, 2, 3)
    seen = range(4) if family != "T5" else range(recording.num_tokens)  # the others see no later key
    np.testing.assert_allclose(numbers_in(chart(app, 0)["data"][0]["x"]), recording.scores(1, 2, 3)[seen], atol=1e-4)
    np.testing.assert_allclose(numbers_in(chart(app, 0)["data"][1]["x"]), weights[seen], atol=1e-5)
    assert said(app, "fits best").endswith(f"of {len(seen)} keys (e to the entropy of the weights).")
    app = opened(family, folder, step="6", layer="1", head="2", query="3")
    context = numbers_in(chart(app, 1)["data"][0]["customdata"])[-1]
    np.testing.assert_allclose(context, weights @ recording.value(1, 2), atol=1e-5)
    assert float(said(app, "output projection").split()[-1].rstrip(".")) < 1e-5


def test_a_sink_takes_part(folder: Folder) -> None:
    """At a temperature of 1 it is the head as it was trained, whose weights sum to less than one."""
    recording = loaded("gpt-oss", folder).record(TEXT)
    sums = np.stack([recording.attention(layer, query=3).sum(axis=-1) for layer in (0, 1)])
    layer, head = np.unravel_index(sums.argmin(), sums.shape)
    assert sums.min() < 0.95
    for step in ("1", "5"):
        app = opened("gpt-oss", folder, step=step, layer=str(layer), head=str(head), query="3")
        shown = numbers_in(chart(app, 0)["data"][1]["x"])
        np.testing.assert_allclose(shown, recording.attention(layer, head, 3)[: len(shown)], atol=1e-5)


def test_a_rotation_turns_the_query_and_keeps_its_norm(folder: Folder) -> None:
    sentence = said(opened("Llama", folder, step="4", query="3"), "Norms")
    assert sentence.endswith("the rotation by its position keeps it (RoPE).")
    norm = sentence.split("q ", 1)[1].split(",")[0]
    assert f"By the map alone the norm of q is {norm} too" in sentence
    assert "Computed anew" in said(opened("ALBERT", folder, step="4", query="3"), "Norms")


def test_scores_are_scaled_as_the_model_scales_them(folder: Folder) -> None:
    """T5 does not divide at all; its other way is the division."""
    app = opened("T5", folder, step="5", layer="1", query="2")
    (control,) = (widget for widget in app.get("button_group") if widget.key == "how_scaling")
    assert control.options == ["not divided, as this model does", "divided by √8 = 2.83"]
    plain = numbers_in(chart(app, 0)["data"][0]["x"])
    mask = loaded("T5", folder).write(TEXT, 1).mask(1, 0)
    assert mask is not None
    choose(app, how_scaling="unscaled")
    np.testing.assert_allclose(
        numbers_in(chart(app, 0)["data"][0]["x"]), (plain - mask[2]) / 8**0.5 + mask[2], atol=1e-4
    )


def test_positions_that_cannot_be_left_out_are_not_offered_to_be(folder: Folder) -> None:
    for family, offered in (("BLOOM", 0), ("GPT-2", 1)):
        app = opened(family, folder, step="3")
        assert [widget.key for widget in app.get("button_group")].count("how_positions") == offered
        assert any("not known here how to leave" in caption.value for caption in app.caption) == (not offered)


def test_a_model_is_chosen_here_and_the_step_stays(folder: Folder) -> None:
    app = open_how(step="4", text=TEXT)
    app.text_input(key="how_model_typed").set_value(folder("GPT-2"))
    (check,) = (button for button in app.button if button.label == "Check")
    check.click()
    run(app)
    (load,) = (button for button in app.button if button.label == "Load it")
    load.click()
    run(app)
    assert address(app) == {"text": TEXT, "model": folder("GPT-2"), "step": "4"}
    assert app.subheader[0].value == "4. Query, key and value"
    assert "one linear map" in said(app, "Norms")


def test_a_model_of_the_other_kind_is_refused(folder: Folder) -> None:
    app = open_how(model=folder("clip"), text=TEXT)
    assert errors(app) == [
        "This page does not show a text with this model; take another one, or the other kind of example."
    ]
