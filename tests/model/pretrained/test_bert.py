"""all-MiniLM-L6-v2: every weight of every head against transformers' eager BERT on the same files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Encoding, Tokenizer
from transformers import BertModel

from headlens.model import load_model
from headlens.model.attention.formula import scaled_dot_product_attention
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.references import bert_from_files, differences

TEXTS: dict[str, str | tuple[str, str]] = {
    "sentence": "Unbelievably, the CAFÉ's cat didn't sit on the mat because it was tired.",
    "pair": ("A man is playing the guitar.", "Someone makes music, unmistakably!"),
    "one word": "Attention",
    "cut to 512": "The quick brown fox jumps over the lazy dogs of Gloucestershire. " * 60,
    "pair cut to 512": ("one two three four. " * 20, "The quick brown fox. " * 200),
    "typed special": "A sentence [SEP] and a [MASK] 😀 in it.",
}


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return locate(CATALOGUE["minilm-l6"])


@pytest.fixture(scope="module")
def bert(files: dict[str, Path]) -> BertModel:
    return bert_from_files(files["config.json"], files["model.safetensors"])


def own_encoding(files: dict[str, Path], text: str | tuple[str, str]) -> Encoding:
    """What the tokenizer's file itself makes of a text, in one go, when it is told to cut at 512 instead of 128."""
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    return tokenizer.encode(text) if isinstance(text, str) else tokenizer.encode(*text)


@torch.no_grad()
def run(bert: BertModel, encoding: Encoding) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    ids, segments = torch.tensor([encoding.ids]), torch.tensor([encoding.type_ids])
    output = bert(ids, torch.ones_like(ids), segments, output_attentions=True)
    return output.last_hidden_state, output.attentions


@pytest.mark.parametrize("name", TEXTS)
def test_every_weight(minilm: EncoderTextModel, bert: BertModel, files: dict[str, Path], name: str) -> None:
    recording = minilm.record(TEXTS[name])
    encoding = own_encoding(files, TEXTS[name])
    assert minilm.read(TEXTS[name]).tokens == tuple(encoding.tokens)
    for token, of, span, own in zip(recording.tokens, recording.segments, recording.offsets, encoding.tokens):
        assert token == (own if span is None or own == "[UNK]" else recording.texts[of][slice(*span)])
    assert recording.segments == tuple(encoding.type_ids)
    _, attentions = run(bert, encoding)
    assert differences(recording, attentions).max() < 1e-5
    assert (recording.num_tokens == 512) == ("512" in name)


@pytest.mark.parametrize("name", TEXTS)
def test_last_hidden_state(minilm: EncoderTextModel, bert: BertModel, files: dict[str, Path], name: str) -> None:
    encoding = own_encoding(files, TEXTS[name])
    with torch.no_grad():
        ours = minilm.network(torch.tensor([encoding.ids]), torch.tensor([encoding.type_ids])).hidden
    torch.testing.assert_close(ours, run(bert, encoding)[0], atol=1e-5, rtol=0)


def test_a_padded_batch(minilm: EncoderTextModel, bert: BertModel, files: dict[str, Path]) -> None:
    encodings = [own_encoding(files, TEXTS[name]) for name in ("sentence", "pair", "one word")]
    longest = max(len(encoding.ids) for encoding in encodings)
    for encoding in encodings:
        encoding.pad(longest)
    ids, segments, real = (
        torch.tensor([getattr(encoding, name) for encoding in encodings])
        for name in ("ids", "type_ids", "attention_mask")
    )
    with torch.no_grad():
        ours, layers, _ = minilm.network(ids, segments, real.bool())
        theirs = bert(ids, real, segments, output_attentions=True)
    asking = real.bool()  # what padding itself looks at is of no use to anyone
    assert not asking.all()
    torch.testing.assert_close(ours[asking], theirs.last_hidden_state[asking], atol=1e-5, rtol=0)
    for heads, attention in zip(layers, theirs.attentions, strict=True):
        weights = scaled_dot_product_attention(
            heads.query, heads.key, heads.value, mask=heads.mask, scale=heads.scale
        ).weights
        ours, expected = (all_of_them.transpose(1, 2)[asking] for all_of_them in (weights, attention))
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


def test_in_float64_nothing_is_left_between_the_two(files: dict[str, Path], bert: BertModel) -> None:
    exact = load_model("minilm-l6", device="cpu", dtype="float64")
    assert isinstance(exact, EncoderTextModel)
    recording = exact.record(TEXTS["pair"])
    assert recording.attention(0).dtype == np.float64
    reference = bert_from_files(files["config.json"], files["model.safetensors"]).double()
    assert differences(recording, run(reference, own_encoding(files, TEXTS["pair"]))[1]).max() < 1e-8


def test_the_similarity_of_a_pair_is_of_the_two_texts_alone(
    minilm: EncoderTextModel, bert: BertModel, files: dict[str, Path]
) -> None:
    texts = TEXTS["pair"]
    outputs = minilm.record(texts).outputs
    means = [run(bert, own_encoding(files, text))[0][0].double().mean(dim=0).numpy() for text in texts]
    embeddings = np.stack([mean / np.linalg.norm(mean) for mean in means])
    np.testing.assert_allclose(outputs["embedding"], embeddings, atol=1e-6, rtol=0)
    assert outputs["similarity"].shape == ()
    assert abs(outputs["similarity"] - embeddings[0] @ embeddings[1]) < 1e-5
    assert 0.3 < outputs["similarity"] < 0.9


def test_the_embedding_of_one_text(minilm: EncoderTextModel, bert: BertModel, files: dict[str, Path]) -> None:
    outputs = minilm.record(TEXTS["sentence"]).outputs
    mean = run(bert, own_encoding(files, TEXTS["sentence"]))[0][0].mean(dim=0).numpy()
    np.testing.assert_allclose(outputs["embedding"], (mean / np.linalg.norm(mean))[None], atol=1e-6, rtol=0)
    assert "similarity" not in outputs
