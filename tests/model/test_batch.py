"""Several inputs in one run: each recording is the one of its input alone, and padding is nowhere in it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headlens.model import load_model
from headlens.model.base import Run
from headlens.model.huggingface.multimodal.model import TransformersImageText
from headlens.model.huggingface.text import sequence
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.huggingface.text.padding import pads_exactly
from headlens.model.huggingface.vision.model import TransformersImage
from headlens.model.inputs.image_file import ImageSource
from headlens.model.inputs.text import Text
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.model.huggingface import image_models, image_text_models
from tests.model.huggingface.text_models import FAMILIES, MORE, REFUSED
from tests.model.huggingface.text_models import SEQUENCES as ENCODE_AND_DECODE
from tests.model.inputs.pictures import noise
from tests.model.recordings_alike import assert_alike

FolderOf = Callable[[str], Path]
TEXTS: list[Text] = [
    "Birds fly.",
    "The trophy does not fit in the brown suitcase because it is too big.",
    "A head looks at the [MASK] that it needs.",
]
PAIRS: list[Text] = [("Birds fly south in winter.", "Geese."), ("A head.", "It looks at words, and rests.")]
SEQUENCES = (*ENCODE_AND_DECODE, "Pegasus")
SINGLE = ("BLOOM", "BLOOM, residual normed", "gpt-oss", "GPT-J", "Llama 4", "FlexOlmo", "Mixtral", "XLNet")  # in part


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_the_text_encoder(dtype: str, tolerance: float) -> None:
    model = load_model("minilm-l6", device="cpu", dtype=dtype)
    assert isinstance(model, EncoderTextModel)
    texts = [*TEXTS, *PAIRS]
    batch = model.record_batch(texts)
    for text, recording in zip(texts, batch, strict=True):
        assert_alike(recording, model.record(text), tolerance)
    assert all(layer.mask is None for recording in batch for layer in recording.layers), "it hides nothing any more"


@pytest.mark.parametrize("family", [family for family in (*FAMILIES, *MORE) if family not in REFUSED])
def test_every_family_of_texts(family: str, folder_of: FolderOf) -> None:
    single = family in SINGLE
    model = load_model(str(folder_of(family)), device="cpu", dtype="float32" if single else "float64")
    assert isinstance(model, TransformersText)
    texts = PAIRS if family in SEQUENCES else [*TEXTS, *PAIRS]  # else each would be written twice
    batch = model.record_batch(texts)
    for text, recording in zip(texts, batch, strict=True):
        assert_alike(recording, model.record(text), 1e-5 if single else 1e-10)
    assert len(model.groups([model.read(text) for text in texts])) == 1, "padding is exact"


def test_a_batch_is_one_run_and_says_so(folder_of: FolderOf) -> None:
    model = load_model(str(folder_of("Llama")), device="cpu")
    assert isinstance(model, TransformersText)
    model.record_batch(TEXTS)
    told: list[int] = []
    model.record_batch(TEXTS, told.append)
    assert told == list(range(model.num_layers))
    assert model.record_batch([]) == []


def test_a_batch_of_one_is_run_without_a_mask(minilm: EncoderTextModel, folder_of: FolderOf) -> None:
    model = load_model(str(folder_of("BERT")), device="cpu")
    assert isinstance(model, TransformersText)
    assert "attention_mask" not in model.inputs(model.read(TEXTS[0]))
    assert "real" not in minilm.inputs(minilm.read(TEXTS[0]))
    one, other = minilm.record(TEXTS[1]), minilm.record_batch([TEXTS[1]])[0]
    for layer in range(one.num_layers):
        np.testing.assert_array_equal(one.attention(layer), other.attention(layer))


def test_a_recording_of_a_batch_holds_no_more_than_its_own(minilm: EncoderTextModel) -> None:
    short = minilm.record_batch([TEXTS[0], "word " * 300])[0]
    tensors = [getattr(layer, name) for layer in short.layers for name in ("query", "key", "value")]
    assert sum(tensor.untyped_storage().nbytes() for tensor in tensors) == sum(tensor.nbytes for tensor in tensors)


def test_a_model_that_reads_behind_the_end_of_a_text_runs_each_alone(
    folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(folder_of("BERT")), device="cpu")
    assert isinstance(model, TransformersText)
    assert pads_exactly(model)
    batch_inputs = TransformersText.batch_inputs

    def without_mask(self: TransformersText, batch: list) -> dict[str, object]:
        return {name: given for name, given in batch_inputs(self, batch).items() if name != "attention_mask"}

    monkeypatch.setattr(TransformersText, "batch_inputs", without_mask)
    assert not pads_exactly(model)
    model = load_model(str(folder_of("BERT")), device="cpu")
    assert isinstance(model, TransformersText)
    for text, recording in zip(TEXTS, model.record_batch(TEXTS), strict=True):
        assert_alike(recording, model.record(text), 1e-10)


def test_a_continuation_is_recorded_as_the_whole_text(smollm2: TransformersText) -> None:
    texts: list[Text] = ["The capital of France is", "Birds"]
    for text, recording in zip(texts, smollm2.record_batch(texts), strict=True):
        assert_alike(recording, smollm2.record(text), 2e-4)  # thirty layers in float32


def test_the_vision_transformer(dinov2: EncoderImageModel, sample_photo: Callable[[str], Path]) -> None:
    photos: list[ImageSource] = [noise(96, 64), sample_photo("coffee"), Image.new("RGB", (336, 224), "teal")]
    told: list[int] = []
    batch = dinov2.record_batch(photos, 224, told.append)
    assert told == list(range(12)), "all three have one shape"
    for photo, recording in zip(photos, batch, strict=True):
        assert_alike(recording, dinov2.record(photo, 224), 1e-4)
    shapes = dinov2.record_batch([noise(64, 64), noise(96, 64), noise(64, 64)], 224)
    assert [recording.grid for recording in shapes] == [(16, 16), (16, 24), (16, 16)]


@pytest.mark.parametrize("family", image_models.FAMILIES)
def test_every_family_of_images(family: str, tmp_path: Path) -> None:
    build, _ = image_models.FAMILIES[family]
    model = image_models.load(image_models.save(tmp_path, build()), torch.float64)
    assert isinstance(model, TransformersImage)
    photos = [noise(96, 64), noise(64, 64), noise(96, 64).rotate(180)]
    for photo, recording in zip(photos, model.record_batch(photos), strict=True):
        assert_alike(recording, model.record(photo), 1e-10)


def test_images_with_texts_are_run_one_by_one(tmp_path: Path) -> None:
    model = image_text_models.load(image_text_models.save_with_text(tmp_path, image_text_models.FAMILIES["llava"]()))
    assert isinstance(model, TransformersImageText)
    pairs = [(noise(96, 64), "What is this?"), (noise(64, 64), "A cat.")]
    for (photo, text), recording in zip(pairs, model.record_batch(pairs), strict=True):
        assert_alike(recording, model.record(photo, text), 0)


def test_sequences_that_are_written_are_recorded_together(folder_of: FolderOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "WRITTEN", 4)
    model = load_model(str(folder_of("T5")), device="cpu", dtype="float64")
    assert isinstance(model, TransformersText)
    for text, recording in zip(TEXTS, model.record_batch(TEXTS), strict=True):
        assert_alike(recording, model.record(text), 1e-10)


@pytest.mark.parametrize("family", ["GPT-2", "BERT", "T5"])
def test_gradients_go_through_a_run_and_not_into_a_recording(family: str, folder_of: FolderOf) -> None:
    model = load_model(str(folder_of(family)), device="cpu")
    assert isinstance(model, TransformersText)
    table = model.network.get_input_embeddings().weight.requires_grad_()
    texts = [model.read(text) for text in TEXTS]
    run: Run = model.run(texts)
    last = list(run.stages.values())[-1][-1]
    assert last.query.shape[0] == len(texts)
    run.outputs.logits.sum().backward()
    assert table.grad is not None
    assert table.grad.abs().max() > 0
    recording = model.record(TEXTS[0])
    assert not recording.layers[0].query.requires_grad


def test_gradients_go_through_our_own(minilm: EncoderTextModel, dinov2: EncoderImageModel) -> None:
    run = minilm.run([minilm.read(TEXTS[0]), minilm.read(TEXTS[1])])
    (gradient,) = torch.autograd.grad(run.outputs[0, 0].sum(), run.stages["encoder"][2].query)
    assert gradient.shape[0] == 2
    assert gradient[0].abs().max() > 0
    assert gradient[1].abs().max() == 0, "one text of a batch knows nothing of the other"
    image = dinov2.read(noise(64, 64), 224)
    dinov2_run = dinov2.run([image])
    (gradient,) = torch.autograd.grad(dinov2_run.outputs[0, 0].sum(), dinov2_run.stages["encoder"][0].value)
    assert gradient.abs().max() > 0


def test_an_edit_changes_a_run(minilm: EncoderTextModel, folder_of: FolderOf) -> None:
    adapted = load_model(str(folder_of("BERT")), device="cpu")
    assert isinstance(adapted, TransformersText)
    with torch.inference_mode():
        for model in (minilm, adapted):
            batch = [model.read(TEXTS[0])]
            plain = model.run(batch).stages["encoder"]
            edited = model.run(batch, edit=lambda index, call, context: context * (index != 0)).stages["encoder"]
            torch.testing.assert_close(edited[0].query, plain[0].query)
            assert (edited[1].query - plain[1].query).abs().max() > 1e-3
