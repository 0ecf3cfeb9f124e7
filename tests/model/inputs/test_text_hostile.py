"""Texts that nobody types by hand: each is recorded, or refused in a sentence, and soon."""

import time
import unicodedata

import pytest

from headlens.model.errors import InputError
from headlens.model.inputs.text import MAX_CHARACTERS, read_text
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from tests.sentences import is_one_sentence

FAMILY = "👨\u200d👩\u200d👧\u200d👦"


def tokens(recording: Recording) -> tuple[str, ...]:
    """Without [CLS] and [SEP]."""
    return recording.tokens[1:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a", ("a",), id="one character"),
        pytest.param("É", ("É",), id="one character with an accent"),
        pytest.param("\ufeffword", ("word",), id="byte order mark"),
        pytest.param("w\u200bo\u00adr\u200dd", ("w\u200bo\u00adr\u200dd",), id="zero width"),
        pytest.param("e\u0301\u0316\u0327", ("e",), id="combining marks"),
        pytest.param("a\u0000b", ("a\u0000b",), id="NUL"),
        pytest.param("a\u0001\u001b[31m\u007f\u0085b", ("a", "[", "31", "m\u007f\u0085b"), id="control characters"),
        pytest.param("\u202eabc\u202c", ("abc",), id="direction overridden"),
        pytest.param("a\u2028b\u3000c\u00a0d", ("a", "b", "c", "d"), id="spaces of all kinds"),
        pytest.param("ﬁne", ("ﬁ", "ne"), id="ligature"),
        pytest.param("😀" + "\ufe0f", ("[UNK]",), id="emoji with a selector"),
        pytest.param(FAMILY, ("[UNK]",), id="emoji joined without width"),
        pytest.param("a\ud83d\ude00", None, id="halves of an emoji"),
        pytest.param("\U0010ffff\ue000 a", None, id="private use"),
        pytest.param("مرحبا بالعالم", None, id="Arabic"),
        pytest.param("שלום", None, id="Hebrew"),
        pytest.param("नमस्ते", None, id="Devanagari"),
    ],
)
def test_recorded(minilm: EncoderTextModel, text: str, expected: tuple[str, ...] | None) -> None:
    recording = minilm.record(text)
    assert expected is None or tokens(recording) == expected
    assert tokens(recording)
    assert len(recording.texts[0]) == len(text)
    for span in recording.offsets[1:-1]:
        assert span is not None
        assert 0 <= span[0] < span[1] <= len(text)


CONTROLS = "".join(chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\r\n",
        "\u3000\u00a0\u2003",
        "\ufeff",
        "\u200b\u200d",
        "\x00",
        CONTROLS,
        "\ud800\udfff",
        "\u0300" * 9,
        ("word", ""),
        ("\u200b", "word"),
        "x" * (MAX_CHARACTERS + 1),
    ],
    ids=lambda text: ascii(text)[:16],
)
def test_refused_by_the_model_in_a_sentence(minilm: EncoderTextModel, text: str | tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"text") as caught:
        minilm.record(text)
    assert isinstance(caught.value, InputError)
    assert is_one_sentence(caught.value)
    parts = (text,) if isinstance(text, str) else text
    assert ("is empty" in str(caught.value)) == any(not part.strip() for part in parts)


LONGEST = {
    "one word": "a",
    "combining marks alone": "\u0300",
    "marks out of order": "a\u0316\u0300\u0327",
    "emoji": "😀",
    "joined emoji": FAMILY,
    "CJK": "日",
    "Hangul, which falls apart": "한",
    "one character that becomes eighteen": "\ufdfa",
    "lines": "\na",
    "commas": ",",
    "special tokens": "[SEP]",
    "their beginnings": "[SE",
    "NUL": "\x00",
    "lone surrogates": "\ud800",
    "spaces": " ",
    "long words": "a" * 101 + " ",
}


@pytest.mark.parametrize("unit", LONGEST.values(), ids=LONGEST)
@pytest.mark.parametrize("pair", [False, True], ids=["text", "pair"])
def test_the_longest_texts_take_no_time(minilm: EncoderTextModel, unit: str, pair: bool) -> None:
    longest = ("a" + unit * MAX_CHARACTERS)[:MAX_CHARACTERS]
    started = time.thread_time()
    given = read_text(minilm.tokenizer, (longest, longest) if pair else longest, 512)
    assert time.thread_time() - started < 2
    assert 3 <= len(given.ids) <= 512
    assert len(set(given.segments)) == (2 if pair else 1)
