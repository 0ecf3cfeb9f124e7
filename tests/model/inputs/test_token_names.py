"""What tokens are called, and where they stand, for each family's own tokenizer and for texts of every kind."""

import functools
import unicodedata
from itertools import groupby

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from headlens.model.errors import InputError
from headlens.model.huggingface.load.slow_tokenizer import backend_of
from headlens.model.inputs.text import Text, TextInput, read_text
from headlens.model.inputs.token_names import TokenNames
from tests.model.huggingface.family_tokenizers import LOSSLESS, SLOW, TOKENIZERS, family_tokenizer

PAIR = ("Who works?", "Anna works.")
PAIRS = {"ESM-2": ("MKTAYI", "WQRQ")}
MANY = 10_000
TEXTS = (
    "The capital of France is Paris.",
    "café",
    "机器学习",
    " two  spaces ",
    "👩‍👩‍👧 🏳️‍🌈 joined",
    "ภาษาไทย และ العربية",
    "e\u0301 combining a\u0308",
    "tab\tnewline\n nul\0",
    "a" * 40,
    "-".join("part" for _ in range(40)),
)
CHARACTERS = st.text(
    st.one_of(
        st.sampled_from("abcé Paris.,\t\n\0\u200d👩👧🏳\ufe0f机器ภาال\u0301\u0308\u3000\u00a0ﬁ½"),
        st.characters(exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=24,
)


@functools.cache
def tokenizer_of(family: str) -> PreTrainedTokenizerBase:
    return family_tokenizer(family)


def read(family: str, text: Text) -> tuple[Tokenizer, TextInput]:
    backend = backend_of(tokenizer_of(family))
    backend.no_truncation()
    backend.no_padding()
    return backend, read_text(backend, text, MANY)


def named(family: str, text: Text) -> list[str]:
    backend, tokens = read(family, text)
    return list(TokenNames(backend).of_text(tokens))


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "BART", "GPT-2", "Qwen 3", "CLIP", "XLM-R", "T5", "Llama"])
def test_no_letter_is_lost(family: str) -> None:
    names = [name for name in named(family, TEXTS[0]) if name[0] not in "[<▁"]
    assert "".join(names) == TEXTS[0].replace(" ", "")


@pytest.mark.parametrize("family", TOKENIZERS)
def test_each_text_of_a_pair_is_read_as_itself(family: str) -> None:
    pair = PAIRS.get(family, PAIR)
    _, tokens = read(family, pair)
    for segment, text in enumerate(pair):
        rows = zip(tokens.tokens, tokens.offsets, tokens.segments)
        own = [span for token, span, of in rows if of == segment and span is not None and token != "▁"]
        characters = "".join(text[slice(*span)] for span in own)
        assert characters.replace(" ", "") == text.replace(" ", "")
    assert list(tokens.segments) == sorted(tokens.segments)
    names = [name.strip() for name in named(family, pair) if name[0] not in "[<▁"]
    if family != "ESM-2":  # its residues are numbered
        assert "".join(names) == "".join(pair).replace(" ", "")


@pytest.mark.parametrize("family", TOKENIZERS)
@pytest.mark.parametrize("text", [TEXTS[0], PAIR], ids=["text", "pair"])
def test_ids_and_types_are_those_of_the_tokenizer_s_own_call(family: str, text: str | tuple[str, str]) -> None:
    tokenizer = tokenizer_of(family)
    call = tokenizer(*([text] if isinstance(text, str) else text), return_token_type_ids=True)
    _, tokens = read(family, text)
    assert list(tokens.ids) == call["input_ids"]
    assert list(tokens.type_ids) == call["token_type_ids"]
    if family in SLOW:
        return
    sequences = [None if span is None else of for span, of in zip(tokens.offsets, tokens.segments)]
    assert sequences == call.sequence_ids()


@pytest.mark.parametrize("family", ["RoBERTa", "GPT-2", "Qwen 3", "Llama"])
@pytest.mark.parametrize(("text", "parts"), [("机", 3), ("👩", 4)])
def test_a_character_of_several_tokens_is_shown_with_its_part(family: str, text: str, parts: int) -> None:
    expected = [f"{text} {part}/{parts}" for part in range(1, parts + 1)]
    assert [name for name in named(family, text) if name not in ("<s>", "</s>", "▁")] == expected


def test_a_single_token_that_is_a_whole_character() -> None:
    names = named("RoBERTa", "café")
    assert "".join(names[1:-1]) == "café"
    assert "é" in "".join(names)
    assert TokenNames(tokenizer_of("RoBERTa").backend_tokenizer).of_ids(
        tokenizer_of("RoBERTa")("café机", add_special_tokens=False)["input_ids"]
    )[-3:] == ("机 1/3", "机 2/3", "机 3/3")


def test_a_part_of_a_character_by_itself_is_its_bytes() -> None:
    tokenizer = tokenizer_of("GPT-2")
    ids = tokenizer("机")["input_ids"]
    names = TokenNames(tokenizer.backend_tokenizer)
    assert [names.of_id(token_id) for token_id in ids] == ["<0xE6>", "<0x9C>", "<0xBA>"]
    assert names.of_ids(ids[:2]) == ("<0xE6>", "<0x9C>")
    assert names.of_ids([*ids[1:], *ids]) == ("<0x9C>", "<0xBA>", "机 1/3", "机 2/3", "机 3/3")


def test_residues_are_called_by_letter_and_number() -> None:
    names = named("ESM-2", ("MK<mask>YjK", "AW"))
    assert names == ["<cls>", "M1", "K2", "<mask>", "Y4", "<unk>", "K6", "<eos>", "A1", "W2", "<eos>"]
    assert TokenNames(backend_of(tokenizer_of("ESM-2"))).are_residues
    assert not any(
        TokenNames(backend_of(tokenizer_of(family))).are_residues for family in TOKENIZERS if family != "ESM-2"
    )


def test_unknown_characters_and_masks_keep_the_tokenizer_s_names() -> None:
    assert "<unk>" in named("XLM-R", "机 the")
    assert "<mask>" in named("RoBERTa", "the <mask> of")
    assert "[UNK]" in named("BERT", "机 the")


@pytest.mark.parametrize("family", TOKENIZERS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(text=CHARACTERS)
@example(text=TEXTS[1])
@example(text=TEXTS[2])
@example(text=TEXTS[3])
@example(text=TEXTS[4])
@example(text=TEXTS[5])
@example(text=TEXTS[6])
@example(text=TEXTS[7])
@example(text=TEXTS[8])
@example(text=TEXTS[9])
def test_any_text(family: str, text: str) -> None:
    try:
        backend, tokens = read(family, text)
    except InputError:
        return  # only spaces, or what the tokenizer drops
    assert list(tokens.ids) == tokenizer_of(family)(text)["input_ids"]
    own = backend.encode(text, add_special_tokens=False)
    spans = [span for span in tokens.offsets if span is not None]
    assert spans == [span for span in own.offsets if span is not None]
    names = TokenNames(backend).of_text(tokens)
    assert all(names)
    special = TokenNames(backend).are_special(tokens.ids)
    for name, token_id, token, span, is_special in zip(names, tokens.ids, tokens.tokens, tokens.offsets, special):
        if span is None or is_special or backend.decode([token_id], skip_special_tokens=False).strip() == "":
            assert name == token or span is not None
        elif (characters := text[slice(*span)].strip() or text[slice(*span)]) and family != "ESM-2":
            assert name.partition(" ")[0] == characters.partition(" ")[0]
            assert name == characters or name.startswith(f"{characters} ")
    if family in LOSSLESS and (family != "Qwen 3" or unicodedata.is_normalized("NFC", text)):
        covered = np.zeros(len(text), dtype=bool)
        for span in spans:
            covered[slice(*span)] = True
        assert all(character.isspace() for character, seen in zip(text, covered) if not seen)
        assert backend.decode(own.ids, skip_special_tokens=False).strip() == text.strip()


def test_words_of_what_was_written(smollm2) -> None:
    tokenizer = smollm2.tokenizer
    names = TokenNames(tokenizer)

    def words(text: str) -> list[str]:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        found = names.words_of_ids(ids, 5)
        assert found[0] == 5
        groups = [[ids[at] for at in group] for _, group in groupby(range(len(ids)), key=found.__getitem__)]
        return [tokenizer.decode(group).strip() for group in groups]

    assert words(" untranslatable worlds, it's 2024!") == ["untranslatable", "worlds", ",", "it", "'s", "", "2024", "!"]
    assert words("שלום עולם 機械 naïve 🙂🙂") == ["שלום", "עולם", "機械", "naïve", "🙂", "🙂"]
    end = tokenizer.token_to_id("<|im_end|>")
    (name,) = tokenizer.encode("name", add_special_tokens=False).ids
    assert names.words_of_ids([name, name, end, name]) == (0, 0, None, 1)
    assert names.words_of_ids([]) == ()
