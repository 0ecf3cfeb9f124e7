"""Characters that cannot be seen, or move what is beside them, are shown as symbols."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headlens.viz.view.visible import visible


@pytest.mark.parametrize(
    "token",
    [
        "word",
        "##ing",
        "[CLS]",
        "a b",
        "é",
        "e\u0301",
        "שלום",
        "नमस्ते",
        "👩\u200d👩\u200d👧",
        "🏴\U000e0067\U000e007f",
        "<b>",
    ],
)
def test_what_can_be_seen_stays(token: str) -> None:
    assert visible(token) == token


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("\n", "␊"),
        ("\t\x1f\x7f", "␉␟␡"),
        ("\x85", "⟨0085⟩"),
        ("abc\u202edef", "abc⟨202E⟩def"),
        ("\u2066x\u2069", "⟨2066⟩x⟨2069⟩"),
        ("soft\xadhyphen", "soft⟨00AD⟩hyphen"),
        ("\ufeffx", "⟨FEFF⟩x"),
        ("\u2028", "⟨2028⟩"),
        ("\ud800", "⟨D800⟩"),
        ("\u200d", "⟨200D⟩"),
        ("   ", "␣␣␣"),
        ("\u0301", "◌\u0301"),
        ("", ""),
    ],
)
def test_what_cannot_is_a_symbol(token: str, shown: str) -> None:
    assert visible(token) == shown


@given(st.text(st.characters(codec=None)))
def test_nothing_that_moves_its_neighbours_is_left(token: str) -> None:
    left = {unicodedata.category(character) for character in visible(token).replace("\u200d", "").replace("\u200c", "")}
    assert not left & {"Cc", "Cs", "Zl", "Zp"}
    assert not set(visible(token)) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
