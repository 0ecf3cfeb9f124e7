"""Samples: each is there, within the real model's bounds, and shows what it is there for."""

import io

import pytest
from PIL import Image

from headlens.model.comparison.comparison import compare
from headlens.model.inputs.image import read_image
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.model_picker import KINDS, ModelPicker
from headlens.viz.inputs.models import photo_sizes
from headlens.viz.inputs.samples import (
    FIRST_PHOTO,
    FIRST_PROMPT,
    FIRST_TEXT,
    FOLDER,
    PAIRS,
    PHOTOS,
    TEXTS,
    PhotoSample,
    PromptSample,
    TextSample,
)

CLAIMS = {
    "Trophy": ("it", "trophy"),
    "Keys": ("are", "keys"),
    "Bank": ("bank", "river"),
    "Its": ("its", "function"),
    "A pair": ("couch", "sofa"),
}


def test_every_text_has_a_claim() -> None:
    assert CLAIMS.keys() == TEXTS.keys()


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_s_head_looks_where_it_is_said_to(name: str, minilm: EncoderTextModel) -> None:
    sample = TEXTS[name]
    recording = minilm.record(sample.texts[0] if len(sample.texts) == 1 else (sample.texts[0], sample.texts[1]))
    assert sample.layer in range(recording.num_layers)
    assert sample.head in range(recording.num_heads)
    query, target = CLAIMS[name]
    assert recording.tokens[sample.query] == query
    weights = recording.attention(sample.layer, sample.head, sample.query)
    ordinary = [key for key in range(recording.num_tokens) if recording.tokens[key] not in ("[CLS]", "[SEP]")]
    assert recording.tokens[max(ordinary, key=lambda key: weights[key])] == target


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photo_is_there_and_its_patch_in_it(name: str, dinov2: EncoderImageModel, coffee: Recording) -> None:
    sample = PHOTOS[name]
    content = sample.read()
    with Image.open(io.BytesIO(content)) as photo:
        photo.load()
        assert min(photo.size) >= 256
    _, size = photo_sizes(sample.model)
    assert size not in (None, "letterbox")
    rows, columns = read_image(content, dinov2.network.patch, size).photo.grid
    down, across = sample.position
    assert (int(down * rows) in range(rows), int(across * columns) in range(columns)) == (True, True)
    assert (sample.layer in range(coffee.num_layers), sample.head in range(coffee.num_heads)) == (True, True)


def test_every_photo_is_listed_with_its_source() -> None:
    sources = (FOLDER / "SOURCES.md").read_text(encoding="utf-8")
    assert [sample.file for sample in PHOTOS.values() if sample.file not in sources] == []


def test_the_pages_open_on_samples_that_exist() -> None:
    assert FIRST_TEXT in TEXTS
    assert FIRST_PHOTO in PHOTOS
    models = {sample.model for sample in PHOTOS.values()} | {sample.model for sample in TEXTS.values()}
    assert models | {FIRST_PROMPT.model} <= CATALOGUE.keys()
    sizes, default = photo_sizes(PHOTOS[FIRST_PHOTO].model)
    assert default in sizes


@pytest.mark.parametrize(
    ("page", "sample"), [("Text", TEXTS[FIRST_TEXT]), ("Image", PHOTOS[FIRST_PHOTO]), ("Generate", FIRST_PROMPT)]
)
def test_a_page_opens_on_the_model_that_its_first_sample_was_chosen_for(
    page: str, sample: TextSample | PhotoSample | PromptSample
) -> None:
    assert ModelPicker(page, KINDS[page]).default == sample.model


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_to_compare_differs_in_little(minilm: EncoderTextModel, name: str) -> None:
    a, b = (minilm.record(text) for text in PAIRS[name])
    comparison = compare(a, b)
    assert comparison.alignment.paired.sum() >= min(a.num_tokens, b.num_tokens) - 5
    assert comparison.divergence.max() > 0.1
