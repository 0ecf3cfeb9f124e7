"""Tokenizers without a tokenizer.json: written in Python, or vocabularies alone, as older folders have them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
import torch
import transformers
from transformers import AutoTokenizer

from headlens.model import load_model
from headlens.model.errors import CheckpointError
from headlens.model.huggingface.load.slow_tokenizer import SlowTokenizer, backend_of
from headlens.model.huggingface.text.model import TransformersText
from tests.model.huggingface.family_tokenizers import CORPUS, family_tokenizer, pairs_in_files
from tests.model.huggingface.text_models import BERTISH, GROUPED, T5, TEXT, random_network

# family -> class of the tokenizer, its file, how SentencePiece trains it, and the model's class and shape
PIECES: dict[str, tuple[str, str, dict[str, object], str, dict[str, Any]]] = {
    "ALBERT": (
        "AlbertTokenizer",
        "spiece.model",
        {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "user_defined_symbols": ["[CLS]", "[SEP]", "[MASK]"]},
        "AlbertForMaskedLM",
        {**BERTISH, "embedding_size": 16},
    ),
    "DeBERTa-v2": ("DebertaV2Tokenizer", "spm.model", {}, "DebertaV2ForMaskedLM", BERTISH),
    "Llama": (
        "LlamaTokenizer",
        "tokenizer.model",
        {"model_type": "bpe", "byte_fallback": True, "vocab_size": 450},
        "LlamaForCausalLM",
        GROUPED,
    ),
    "T5": ("T5Tokenizer", "spiece.model", {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}, "T5Model", T5),
    "XLM-R": ("XLMRobertaTokenizer", "sentencepiece.bpe.model", {}, "XLMRobertaForMaskedLM", BERTISH),
}


def pieces_of(**options: object) -> bytes:
    model = io.BytesIO()
    given: dict[str, Any] = {"vocab_size": 150, "hard_vocab_limit": False, "minloglevel": 2, **options}
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=model, **given)
    return model.getvalue()


def loaded(folder: Path) -> TransformersText:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersText)
    return model


@pytest.mark.parametrize("family", PIECES)
def test_a_sentencepiece_model_alone(family: str, tmp_path: Path) -> None:
    name, file, options, architecture, shape = PIECES[family]
    architecture = "T5ForConditionalGeneration" if family == "T5" else architecture
    (tmp_path / file).write_bytes(pieces_of(**options))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": name}))
    size = len(getattr(transformers, name).from_pretrained(tmp_path))
    random_network(architecture, vocab_size=size, **shape).save_pretrained(tmp_path)
    model = loaded(tmp_path)
    tokens = model.read(TEXT)
    assert list(tokens.ids) == AutoTokenizer.from_pretrained(tmp_path)(TEXT)["input_ids"]
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / file)).encode(TEXT, out_type=str)
    own = [token for token, span in zip(tokens.tokens, tokens.offsets) if span is not None]
    assert own == pieces or family == "ALBERT"  # which puts all in lower case first
    np.testing.assert_allclose(model.record(TEXT).attention(0).sum(-1), 1, atol=1e-5)


def test_a_list_of_words_alone(tmp_path: Path) -> None:
    """As of BERT's first folders."""
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ntro\n##phy\nparis\n")
    random_network("BertForMaskedLM", vocab_size=9, **BERTISH).save_pretrained(tmp_path)
    recording = loaded(tmp_path).record("The trophy, Paris")
    assert recording.tokens == ("[CLS]", "The", "tro", "phy", "[UNK]", "Paris", "[SEP]")


def test_bytes(folder_of: Callable[[str], Path]) -> None:
    model = loaded(folder_of("ByT5"))
    recording = model.record(("Aé 機!", "b"))
    assert recording.tokens == ("A", "é 1/2", "é 2/2", " ", "機 1/3", "機 2/3", "機 3/3", "!", "</s>")
    assert recording.offsets == ((0, 1), (1, 2), (1, 2), (2, 3), (3, 4), (3, 4), (3, 4), (4, 5), None)
    names = model._token_names
    assert names.of_ids([*"é".encode()]) != names.of_ids([byte + 3 for byte in "é".encode()]) == ("é 1/2", "é 2/2")
    assert names.of_id(3 + 0xE6) == "<0xE6>"
    assert model.tokenizer.decode([3 + 0x41, 3 + 0xE6, 1]) == "A\ufffd"


@pytest.mark.parametrize(
    ("text", "starts"),
    [("MKTAY", [0, 1, 2, 3, 4]), ("M K T", [0, 2, 4]), ("mMK", [0, 1, 2]), ("MqK", [0, 1, 2])],
)
def test_where_residues_stand(text: str, starts: list[int]) -> None:
    encoded = backend_of(family_tokenizer("ESM-2")).encode(text, add_special_tokens=False)
    assert [span and span[0] for span in encoded.offsets] == starts


def test_a_tokenizer_that_makes_letters_small() -> None:
    parts = pairs_in_files()
    tokenizer = transformers.BlenderbotSmallTokenizer(**parts, unk_token="<unk>")
    text = "The Capital of Ünder, is Paris"
    encoded = backend_of(tokenizer).encode(text, add_special_tokens=False)
    spans = [span for span in encoded.offsets if span is not None]
    assert "".join(text[slice(*span)] for span in spans) == text.replace(" ", "")
    assert text[slice(*spans[0])][0] == "T"


def test_a_piece_is_never_found_behind_what_it_cannot_skip() -> None:
    """ "a b a": of the pieces "a" and "a" with nothing for "b" between them, the second is not found."""
    tokenizer = SlowTokenizer(family_tokenizer("ESM-2"))
    assert list(tokenizer._placed("MKT", tokenizer.encode("MT", add_special_tokens=False).ids)) == [(0, 1), None]


def test_a_protein(folder_of: Callable[[str], Path]) -> None:
    model = loaded(folder_of("ESM-2"))
    recording = model.record("MKTAYIA<mask>QR")
    assert recording.unit == "residue"
    (prediction,) = recording.predictions
    assert recording.tokens[prediction.position or 0] == "<mask>"
    inputs = AutoTokenizer.from_pretrained(folder_of("ESM-2"))("MKTAYIA<mask>QR", return_tensors="pt")
    network = transformers.EsmForMaskedLM.from_pretrained(folder_of("ESM-2"), attn_implementation="eager").eval()
    with torch.no_grad():
        theirs = network(**inputs, output_attentions=True)
    scores = theirs.logits[0, prediction.position].softmax(-1).topk(10).values
    np.testing.assert_allclose([score for _, score in prediction.candidates], scores, atol=1e-6)
    for layer, weights in enumerate(theirs.attentions):
        np.testing.assert_allclose(recording.attention(layer), weights[0], atol=5e-5)


def test_without_a_vocabulary(tmp_path: Path) -> None:
    """A class of tokenizers that needs one would make one up."""
    random_network("EsmForMaskedLM", vocab_size=33, mask_token_id=32, pad_token_id=1, **BERTISH).save_pretrained(
        tmp_path
    )
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "EsmTokenizer"}')
    with pytest.raises(CheckpointError, match="There is no tokenizer in"):
        load_model(str(tmp_path), device="cpu")


def test_how_many_tokens_are_unknown(folder_of: Callable[[str], Path]) -> None:
    model = loaded(folder_of("ESM-2"))
    assert model.record("MqKjR").notes["input"] == "2 of 7 tokens are unknown to this model, and read as <unk>."
    assert "input" not in model.record("MKTAY").notes
