"""Attention alone, of a batch: the weights and vectors of `record`, of each input by itself, and no other outputs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headlens.model.base import AnyModel
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.inputs.text import Text
from headlens.model.load import load_model
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.model.huggingface import image_models
from tests.model.huggingface.text_models import BERTISH, tokenizer_of, write_model
from tests.model.inputs.pictures import noise

TEXTS = ("A cat sleeps.", "Birds fly south in winter, and come back in spring.", "The trophy is too big.", "No")
TOLERANCE = 1e-5


def assert_same_attention(alone: Recording, together: Recording) -> None:
    """All weights within the tolerance, and vectors relative to their largest."""
    assert together.tokens == alone.tokens
    assert together.words == alone.words
    assert together.stage == alone.stage
    np.testing.assert_array_equal(together.special, alone.special)
    for layer in range(alone.num_layers):
        np.testing.assert_allclose(together.attention(layer), alone.attention(layer), atol=TOLERANCE)
        for name in () if alone.layers[layer].scores_only else ("query", "key", "value"):
            own = getattr(alone, name)(layer)
            np.testing.assert_allclose(getattr(together, name)(layer), own, atol=TOLERANCE * np.abs(own).max())


def assert_attention_alone(model: AnyModel, inputs: Sequence[object], recordings: Sequence[Recording]) -> None:
    """Of a batch and of each input by itself, beside what `record` made."""
    together = model.record_attention(inputs)
    for one, recording, alone in zip(inputs, together, recordings, strict=True):
        assert_same_attention(alone, recording)
        assert_same_attention(alone, model.record_attention([one])[0])
        assert recording.outputs.keys() == alone.outputs.keys() & {"norms"}, "what roles of heads need, and no more"
        for name, output in recording.outputs.items():
            np.testing.assert_allclose(output, alone.outputs[name], rtol=TOLERANCE)
        assert recording.predictions == ()


def test_of_an_encoder(minilm: EncoderTextModel) -> None:
    texts: list[Text] = [*TEXTS, ("Who sleeps?", "A cat.")]
    recordings = [minilm.record(text) for text in texts]
    assert_attention_alone(minilm, [minilm.read(text) for text in texts], recordings)


def test_of_a_causal_model(smollm2: TransformersText) -> None:
    shapes: list[tuple[int, ...]] = []
    recordings, inputs = [smollm2.record(text) for text in TEXTS], [smollm2.read(text) for text in TEXTS]
    assert len(smollm2.groups(inputs)) == 1
    hook = smollm2.network.register_forward_hook(lambda module, given, outputs: shapes.append(outputs.logits.shape[:2]))
    with hook:
        assert_attention_alone(smollm2, inputs, recordings)
    assert (len(TEXTS), 1) in shapes, "logits of one token alone, of all texts in one run"
    assert {tokens for _, tokens in shapes} == {1}


def test_where_padding_changes_numbers_each_runs_alone(tmp_path: Path) -> None:
    shape = {**BERTISH, "embedding_size": 16, "conv_kernel_size": 3}  # its convolutions read behind the end of a text
    folder = write_model(tmp_path, tokenizer_of(byte_level=False), "ConvBertForMaskedLM", **shape)
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    runs: list[int] = []
    inputs = [model.read(text) for text in TEXTS]
    assert len(model.groups(inputs)) == len(TEXTS)
    model.network.register_forward_pre_hook(
        lambda module, given, named: runs.append(len(named["input_ids"])), with_kwargs=True
    )
    model.record_attention(inputs)
    assert runs == [1] * len(TEXTS)
    assert_attention_alone(model, inputs, [model.record(text) for text in TEXTS])


def test_of_photos_of_two_shapes(dinov2: EncoderImageModel) -> None:
    photos = [noise(*shape) for shape in ((224, 224), (224, 320), (250, 250))]
    recordings = [dinov2.record(photo, 224) for photo in photos]
    assert_attention_alone(dinov2, [dinov2.read(photo, 224) for photo in photos], recordings)


def test_of_a_vision_transformer_of_transformers(tmp_path: Path) -> None:
    make, _ = image_models.FAMILIES["vit-classifier"]
    model = image_models.load(image_models.save(tmp_path, make()))
    photos = [noise(64, 64), image_models.PHOTO, noise(80, 50)]
    assert_attention_alone(model, [model.read(photo) for photo in photos], [model.record(photo) for photo in photos])
