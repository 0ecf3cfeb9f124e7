"""From text to tokens: words, places, specials, segments, and what is cut off."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from headlens.model.errors import InputError
from headlens.model.inputs.text import MAX_CHARACTERS, Text, TextInput, read_text
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from tests.sentences import is_one_sentence


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(locate(CATALOGUE["minilm-l6"])["tokenizer.json"]))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def test_wordpieces_share_their_word_and_know_their_place(tokenizer: Tokenizer) -> None:
    given = read_text(tokenizer, "The  Tokenization, unbelievably", 512)
    assert given.tokens == ("[CLS]", "the", "token", "##ization", ",", "un", "##bel", "##ie", "##va", "##bly", "[SEP]")
    assert given.words == (None, 0, 1, 1, 2, 3, 3, 3, 3, 3, None)
    slices = [span and given.texts[0][slice(*span)] for span in given.offsets]
    assert slices == [None, "The", "Token", "ization", ",", "un", "bel", "ie", "va", "bly", None]
    assert given.special.tolist() == [True, *[False] * 9, True]
    assert given.segments == (0,) * 11
    assert (given.num_kept, given.num_dropped) == (9, 0)


def test_a_pair_counts_its_words_through(tokenizer: Tokenizer) -> None:
    given = read_text(tokenizer, ("a tokenization", "The Café sat"), 512)
    assert given.tokens == ("[CLS]", "a", "token", "##ization", "[SEP]", "the", "cafe", "sat", "[SEP]")
    assert given.words == (None, 0, 1, 1, None, 2, 3, 4, None)
    assert given.segments == (0, 0, 0, 0, 0, 1, 1, 1, 1)
    assert given.special.nonzero()[0].tolist() == [0, 4, 8]
    assert given.offsets[5:8] == ((0, 3), (4, 8), (9, 12))
    assert given.texts == ("a tokenization", "The Café sat")


def test_specials_that_are_typed_are_special_and_have_a_place(tokenizer: Tokenizer) -> None:
    given = read_text(tokenizer, ("one [SEP] two", "[MASK] 🦄"), 512)
    assert given.tokens == ("[CLS]", "one", "[SEP]", "two", "[SEP]", "[MASK]", "[UNK]", "[SEP]")
    assert given.special.tolist() == [True, False, True, False, True, False, False, True]  # the others stand for words
    assert given.words == (None, 0, 1, 2, None, 3, 4, None)
    assert given.segments == (0, 0, 0, 0, 0, 1, 1, 1)
    assert given.offsets[2] == (4, 9)
    assert given.ids[2] == given.ids[-1]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a\tb\x07a\x00d\ne", ("a", "bad", "e")),
        ("lone \ud800 surrogates\udfff", ("lone", "sur", "##rogate", "##s")),
        ("日本", ("日", "本")),
        ("Ü e\u0301", ("u", "e")),
    ],
)
def test_odd_characters(tokenizer: Tokenizer, text: str, tokens: tuple[str, ...]) -> None:
    given = read_text(tokenizer, text, 512)
    assert given.tokens[1:-1] == tokens
    assert len(given.texts[0]) == len(text)
    given.texts[0].encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "\x00\x07",
        "\ud800",
        ("a", ""),
        ("  ", "b"),
        ("a", "\x00"),
        "x" * (MAX_CHARACTERS + 1),
        ("a", "x" * (MAX_CHARACTERS + 1)),
        None,
        7,
        b"bytes",
        (),
        ("a", "b", "c"),
        ("a", None),
        {"a": "b"},
    ],
    ids=lambda text: repr(text)[:20],
)
def test_refused(tokenizer: Tokenizer, text: Text) -> None:
    with pytest.raises(InputError) as caught:
        read_text(tokenizer, text, 512)
    assert is_one_sentence(caught.value)


def test_the_longest_text_that_is_read(tokenizer: Tokenizer) -> None:
    given = read_text(tokenizer, "ab " * (MAX_CHARACTERS // 3) + "a", 512)
    assert (given.num_kept, given.num_dropped) == (510, MAX_CHARACTERS // 3 + 1 - 510)


@pytest.mark.parametrize(
    ("lengths", "kept"),
    [
        ((20,), (8,)),
        ((8,), (8,)),
        ((20, 2), (5, 2)),
        ((2, 20), (2, 5)),
        ((20, 20), (3, 4)),
        ((21, 20), (4, 3)),
        ((3, 4), (3, 4)),
        ((4, 4), (3, 4)),
        ((1, 100), (1, 6)),
    ],
)
def test_the_longest_is_cut_first(tokenizer: Tokenizer, lengths: tuple[int, ...], kept: tuple[int, ...]) -> None:
    texts = tuple(" ".join(["word"] * length) for length in lengths)
    given = read_text(tokenizer, texts[0] if len(texts) == 1 else texts, 10)  # type: ignore[arg-type]  # 1 or 2 of them
    assert given.tokens[: given.segments.count(0)].count("word") == kept[0]
    assert given.tokens.count("word") == sum(kept) == given.num_kept
    assert given.num_dropped == sum(lengths) - sum(kept)
    assert given.tokens[-1] == "[SEP]"


TEXTS = st.text(st.characters(), max_size=60) | st.lists(
    st.sampled_from(["Unbelievably", "[SEP]", "[CLS]", "[UNK]", "café", "😀", "한국", "x" * 120, "\x00", ","])
).map(" ".join)


@settings(max_examples=250, deadline=None)
@given(text=TEXTS | st.tuples(TEXTS, TEXTS), max_tokens=st.integers(5, 40) | st.just(512))
def test_any_text_is_read_or_refused(tokenizer: Tokenizer, text: Text, max_tokens: int) -> None:
    given_ = read_or_refused(tokenizer, text, max_tokens)
    if given_ is None:
        return
    num_tokens = len(given_.ids)
    for name in ("tokens", "words", "offsets", "special", "segments"):
        assert len(getattr(given_, name)) == num_tokens, name
    assert num_tokens <= max_tokens
    assert given_.special[[0, -1]].all()
    assert given_.words[0] is given_.words[-1] is None
    numbers = [word for word in given_.words if word is not None]
    assert numbers == sorted(numbers)
    assert set(given_.segments) == set(range(len(given_.texts)))
    for segment in range(len(given_.texts)):
        check_places(tokenizer, given_, segment)


def read_or_refused(tokenizer: Tokenizer, text: Text, max_tokens: int) -> TextInput | None:
    try:
        return read_text(tokenizer, text, max_tokens)
    except InputError as error:
        refusal = error
    assert is_one_sentence(refusal)
    return None


def check_places(tokenizer: Tokenizer, given_: TextInput, segment: int) -> None:
    """Every token of a text stands where its offsets say, one behind the other."""
    placed = [
        (token, span)
        for token, span, its in zip(given_.tokens, given_.offsets, given_.segments)
        if its == segment and span is not None
    ]
    assert placed, "each text keeps a token"
    spans = [span for _, span in placed]
    assert spans == sorted(spans)
    for token, (start, end) in placed:
        assert 0 <= start < end <= len(given_.texts[segment])
        if not re.fullmatch(r"\[[A-Z]+\]", token):
            normal = tokenizer.normalizer.normalize_str(given_.texts[segment][start:end])
            assert token.removeprefix("##") in normal
