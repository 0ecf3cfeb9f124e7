"""Which model offers what: each class has the protocols of its kind, and none of another."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from headlens.model import load_model
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.protocol import (
    CaptionModel,
    ImageModel,
    ImageTextModel,
    Model,
    Predicts,
    TextModel,
    TraceableModel,
    WritingModel,
)
from tests.model.huggingface import caption_models, image_models, image_text_models

FolderOf = Callable[[str], Path]
ALL = (Model, TraceableModel, TextModel, WritingModel, ImageModel, ImageTextModel, CaptionModel)


def offered(model: object) -> set[type]:
    return {protocol for protocol in ALL if isinstance(model, protocol)}


def test_our_own(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    assert offered(minilm) == {Model, TraceableModel, TextModel}
    assert offered(dinov2) == {Model, TraceableModel, ImageModel}
    assert (minilm.predicts, dinov2.predicts) == (Predicts.NOTHING, Predicts.NOTHING)
    assert minilm.own_code
    assert dinov2.own_code


@pytest.mark.parametrize(
    ("family", "predicts", "writes"),
    [
        ("GPT-2", Predicts.NEXT_TOKEN, True),
        ("BERT", Predicts.MASKED_TOKEN, False),
        ("XLM-R", Predicts.CLASS, False),
        ("ELECTRA", Predicts.TOKEN_CLASS, False),
        ("XLNet", Predicts.NOTHING, False),
        ("T5", Predicts.NEXT_TOKEN, True),
    ],
)
def test_texts(family: str, predicts: Predicts, writes: bool, folder_of: FolderOf) -> None:
    model = load_model(str(folder_of(family)), device="cpu")
    assert offered(model) == {Model, TraceableModel, TextModel, WritingModel}
    assert isinstance(model, TransformersText)
    assert (model.predicts, model.writes, model.own_code) == (predicts, writes, False)
    assert bool(model.record("Birds fly south.").predictions) == (
        predicts in (Predicts.NEXT_TOKEN, Predicts.CLASS, Predicts.TOKEN_CLASS) and family != "T5"
    )


@pytest.mark.parametrize(("family", "predicts"), [("vit", Predicts.NOTHING), ("vit-classifier", Predicts.CLASS)])
def test_images(family: str, predicts: Predicts, tmp_path: Path) -> None:
    model = image_models.load(image_models.save(tmp_path, image_models.FAMILIES[family][0]()))
    assert offered(model) == {Model, TraceableModel, ImageModel}
    assert model.predicts is predicts
    assert model.default_size in model.sizes
    assert "letterbox" not in model.sizes


def test_images_with_texts(tmp_path: Path) -> None:
    model = image_text_models.load(image_text_models.save_with_text(tmp_path, image_text_models.FAMILIES["llava"]()))
    assert offered(model) == {Model, TraceableModel, ImageTextModel}
    assert model.predicts is Predicts.NEXT_TOKEN
    assert model.default_size in model.sizes


def test_captions(tmp_path: Path) -> None:
    model = caption_models.load(caption_models.save(tmp_path, "vit-gpt2"))
    assert offered(model) == {Model, TraceableModel, CaptionModel}
    assert model.predicts is Predicts.NEXT_TOKEN
    assert model.default_size in model.sizes


def test_sizes_that_are_offered_can_be_read(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> None:
    assert dinov2.default_size == 448
    grids = {size: dinov2.read(sample_photo("coffee"), size).photo.grid for size in dinov2.sizes}
    assert grids["letterbox"] == (16, 16)
    assert len(set(grids.values())) == len(dinov2.sizes)
    assert dinov2.read(sample_photo("coffee")).photo.grid == grids[448]


@pytest.mark.parametrize("protocol", ALL[1:])
def test_parameters_have_the_protocols_names(
    protocol: type, minilm: EncoderTextModel, dinov2: EncoderImageModel, smollm2: TransformersText, tmp_path: Path
) -> None:
    """isinstance looks at names alone; what a page passes by name must be taken too."""
    reads_both = image_text_models.load(
        image_text_models.save_with_text(tmp_path, image_text_models.FAMILIES["llava"]())
    )
    captions = caption_models.load(caption_models.save(tmp_path / "captions", "vit-gpt2"))
    for model in (minilm, dinov2, smollm2, reads_both, captions):
        if not isinstance(model, protocol):
            continue
        for name, function in inspect.getmembers(protocol, inspect.isfunction):
            if not name.startswith("_"):
                expected = inspect.signature(function).parameters.values()
                names = {parameter.name for parameter in expected if parameter.kind is not parameter.POSITIONAL_ONLY}
                assert names - {"self"} <= set(inspect.signature(getattr(model, name)).parameters), name
