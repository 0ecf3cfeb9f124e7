"""Labels of one's own against a photo: the scores of transformers' zero-shot pipeline."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoImageProcessor, pipeline

from headlens.model import load_model
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.load.folder import load_folder
from headlens.model.huggingface.vision import labels as module
from headlens.model.huggingface.vision.labels import MAX_LABELS
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.protocol import LabellingModel
from headlens.model.recording.parts import Predicts
from tests.model.huggingface.image_models import FAMILIES, save
from tests.model.huggingface.label_models import PROCESSORS, write_label_model
from tests.model.inputs.pictures import noise
from tests.sentences import is_one_sentence

LABELS = ["a cat", "the river is green", "Birds", "{0} {x} é", "<b>"]
PHOTO = noise(96, 64)
FolderOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def label_folder(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    root = tmp_path_factory.mktemp("labels")

    def find(family: str) -> Path:
        folder = root / family.replace(" ", "")
        return folder if folder.is_dir() else write_label_model(family, folder)

    return find


def loaded(folder: Path) -> TransformersImage:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersImage)
    return model


@pytest.mark.parametrize("labels", [LABELS, LABELS[:1]], ids=len)
@pytest.mark.parametrize("family", PROCESSORS)
def test_scores_are_the_pipeline_s(family: str, labels: list[str], label_folder: FolderOf) -> None:
    folder = label_folder(family)
    model = loaded(folder)
    assert isinstance(model, LabellingModel)
    assert model.reads_labels
    assert not model.has_labeller  # until it is asked
    found = model.labels(PHOTO, [f" {label}\n" for label in labels] + labels[:1])
    assert model.has_labeller
    own = AutoImageProcessor.from_pretrained(folder, backend="pil")
    rows = pipeline("zero-shot-image-classification", model=str(folder), image_processor=own, device="cpu")(
        PHOTO, candidate_labels=labels
    )
    assert (found.position, found.of) == (None, Predicts.LABEL)
    assert found.scores == ("softmax" if family == "CLIP" else "sigmoid")
    assert [name for name, _ in found.candidates] == [row["label"] for row in rows]
    assert [score for _, score in found.candidates] == pytest.approx([row["score"] for row in rows], abs=1e-5)
    if len(labels) > 1:
        scores = [score for _, score in found.candidates]
        assert max(scores) - min(scores) > 0.01  # else any score would do


@pytest.mark.parametrize("family", PROCESSORS)
def test_the_vision_tower_is_there_once_and_records_the_same(family: str, label_folder: FolderOf) -> None:
    model = loaded(label_folder(family))
    before = model.record(PHOTO)
    model.labels(PHOTO, LABELS)
    after = model.record(PHOTO)
    assert all(torch.equal(one.query, other.query) for one, other in zip(before.layers, after.layers))
    assert model._labeller is not None
    own = {weights.data_ptr() for weights in model.network.parameters()}
    theirs = model._labeller._network.vision_model.parameters()
    assert all(weights.data_ptr() in own for weights in theirs)


def test_a_size_reads_the_whole_photo(label_folder: FolderOf) -> None:
    model = loaded(label_folder("CLIP"))
    scores = {size: dict(model.labels(PHOTO, LABELS, size).candidates) for size in (None, 224, 336)}
    assert scores[None] != scores[224] != scores[336]
    assert sum(scores[224].values()) == pytest.approx(1, abs=1e-5)


def test_in_bfloat16_too(label_folder: FolderOf) -> None:
    folder = label_folder("SigLIP 2")
    model = load_folder(folder, "made", torch.device("cpu"), dtype=torch.bfloat16)
    assert isinstance(model, TransformersImage)
    found, expected = (dict(each.labels(PHOTO, LABELS).candidates) for each in (model, loaded(folder)))
    assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        ([], "There are 0 labels"),
        (["  "], "There are 0 labels"),
        ([str(number) for number in range(MAX_LABELS + 1)], "There are 33 labels"),
        (["a" * 101], "more than 100 characters"),
        ("a cat", "as a list"),
        ([1], "as a list"),
        (
            ["fits", "🦆" * 21],
            r"“🦆{20}…” takes \d\d\d? tokens with its sentence, and the model reads 40",
        ),
    ],
)
def test_what_is_refused(labels: list[str], match: str, label_folder: FolderOf) -> None:
    with pytest.raises(InputError, match=match) as refused:
        loaded(label_folder("CLIP")).labels(PHOTO, labels)
    assert is_one_sentence(refused.value)


@pytest.mark.parametrize("family", ["vit", "clip-vision", "clip-classifier", "blip"])
def test_models_without_labels(family: str, tmp_path: Path) -> None:
    model = loaded(save(tmp_path, FAMILIES[family][0]()))
    assert not model.reads_labels
    with pytest.raises(InputError, match="no tower for texts") as refused:
        model.labels(PHOTO, LABELS)
    assert is_one_sentence(refused.value)


def test_a_folder_without_a_tokenizer_still_records(tmp_path: Path) -> None:
    folder = write_label_model("CLIP", tmp_path)
    for path in (*folder.glob("*token*"), *folder.glob("vocab*"), *folder.glob("merges*")):
        path.unlink()
    model = loaded(folder)
    assert model.record(PHOTO).num_layers == 2
    with pytest.raises(CheckpointError, match="There is no tokenizer") as refused:
        model.labels(PHOTO, LABELS)
    assert is_one_sentence(refused.value)


def test_without_memory_it_is_refused_before_it_is_loaded(
    label_folder: FolderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(label_folder("CLIP"))
    monkeypatch.setattr(module, "free_memory", lambda device: 1_000)
    with pytest.raises(CheckpointError, match=r"needs up to 0.\d GB of memory, but 0.0 GB are free") as refused:
        model.labels(PHOTO, LABELS)
    assert is_one_sentence(refused.value)
