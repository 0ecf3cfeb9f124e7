"""Small tokenizers as each family has them: transformers' own class of the family around a vocabulary trained here."""

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase

CORPUS = [
    "The trophy does not fit in the brown suitcase because it is too big.",
    "Birds fly south in winter, and geese fly with them.",
    "A head looks at the words that it needs, and rests on others.",
    "The capital of France is Paris; the bank of the river is green.",
    "Who works? Anna works. A café is as near as a naïve façade; déjà vu.",
] * 3
LIMIT = 60  # tokens that a model reads


def _byte_pairs(special: Sequence[str], suffix: str = "") -> dict[str, object]:
    """Vocabulary and merges of byte-level pairs (GPT-2)."""
    ends: dict[str, Any] = {"end_of_word_suffix": suffix} if suffix else {}
    tokenizer = Tokenizer(models.BPE(**ends))
    tokenizer.normalizer = normalizers.Lowercase() if suffix else normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700 if suffix else 420,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **ends,
    )
    return _trained(tokenizer, trainer)


def _character_pairs(special: Sequence[str], pre_tokenizer: pre_tokenizers.PreTokenizer) -> dict[str, object]:
    """Vocabulary and merges of pairs of characters, with the bytes to fall back to (Llama, Gemma)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    return _trained(
        tokenizer,
        trainers.BpeTrainer(vocab_size=600, special_tokens=[*special, *fallback], show_progress=False),
    )


def _trained(tokenizer: Tokenizer, trainer: trainers.BpeTrainer) -> dict[str, object]:
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [tuple(pair) for pair in model["merges"]]}


def _word_pieces(special: Sequence[str]) -> dict[str, object]:
    """A vocabulary of word pieces (BERT)."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=list(special), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return {"vocab": tokenizer.get_vocab()}


def _unigram(special: Sequence[str], after: Sequence[str] = ()) -> dict[str, object]:
    """Pieces with their scores (SentencePiece), special tokens before and after them."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(vocab_size=200, show_progress=False))
    pieces = [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    return {"vocab": [*((name, 0.0) for name in special), *pieces, *((name, 0.0) for name in after)]}


PLACE = tempfile.TemporaryDirectory()  # of vocabularies that are read from files


def _file(name: str, lines: Sequence[str]) -> str:
    path = Path(PLACE.name) / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def pairs_in_files() -> dict[str, object]:
    """Vocabulary and merges of pairs of characters, each word's last piece without "@@" (CTRL)."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(r" ", "removed")
    trainer = trainers.BpeTrainer(vocab_size=200, end_of_word_suffix="</w>", show_progress=False)
    parts: Any = _trained(tokenizer, trainer)
    words = [piece.removesuffix("</w>") if piece.endswith("</w>") else f"{piece}@@" for piece in parts["vocab"]]
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys(["<unk>", *words]))}
    return {
        "vocab_file": _file("vocab.json", [json.dumps(vocabulary)]),
        "merges_file": _file("merges.txt", ["#version: 0.2", *(" ".join(pair) for pair in parts["merges"])]),
    }


# The vocabulary of ESM-2, in its order (Lin et al. 2023).
ESM = ("<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>")
ROBERTA = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LLAMA = ("<unk>", "<s>", "</s>")
TOKENIZERS: dict[str, tuple[str, Callable[[], dict[str, object]]]] = {  # family -> its class, what it is made of
    "ALBERT": ("AlbertTokenizer", lambda: _unigram(("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"))),
    "BART": ("BartTokenizer", lambda: _byte_pairs(ROBERTA)),
    "ByT5": ("ByT5Tokenizer", dict),
    "CANINE": ("CanineTokenizer", dict),
    "CTRL": ("CTRLTokenizer", pairs_in_files),
    "ESM-2": ("EsmTokenizer", lambda: {"vocab_file": _file("vocab.txt", ESM)}),
    "BERT": ("BertTokenizer", lambda: _word_pieces(BERT)),
    "CLIP": ("CLIPTokenizer", lambda: _byte_pairs(("<|startoftext|>", "<|endoftext|>"), suffix="</w>")),
    "DeBERTa-v2": ("DebertaV2Tokenizer", lambda: _unigram(("[PAD]", "[CLS]", "[SEP]", "[UNK]"), ("[MASK]",))),
    "DistilBERT": ("DistilBertTokenizer", lambda: _word_pieces(BERT)),
    "GPT-2": ("GPT2Tokenizer", lambda: _byte_pairs(("<|endoftext|>",))),
    "Gemma": (
        "GemmaTokenizer",
        lambda: _character_pairs(
            ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"), pre_tokenizers.Metaspace(prepend_scheme="never")
        ),
    ),
    "Llama": ("LlamaTokenizer", lambda: _character_pairs(LLAMA, pre_tokenizers.Metaspace(prepend_scheme="first"))),
    "MPNet": ("MPNetTokenizer", lambda: _word_pieces(("<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"))),
    "Qwen 3": ("Qwen2Tokenizer", lambda: _byte_pairs(("<|endoftext|>",))),
    "RoBERTa": ("RobertaTokenizer", lambda: _byte_pairs(ROBERTA)),
    "T5": ("T5Tokenizer", lambda: _unigram(("<pad>", "</s>", "<unk>"))),
    "XLM-R": ("XLMRobertaTokenizer", lambda: _unigram(("<s>", "<pad>", "</s>", "<unk>"), ("<mask>",))),
}
SLOW = ("ByT5", "CANINE", "CTRL", "ESM-2")  # written in Python: they say no offsets
LOSSLESS = ("BART", "ByT5", "GPT-2", "Llama", "Qwen 3", "RoBERTa")  # decoding the ids gives the text back


def family_tokenizer(family: str, **options: Any) -> PreTrainedTokenizerBase:
    """A new tokenizer of a family."""
    name, parts = TOKENIZERS[family]
    tokenizer: PreTrainedTokenizerBase = getattr(transformers, name)(
        **parts(), **{"model_max_length": LIMIT, **options}
    )
    return tokenizer
