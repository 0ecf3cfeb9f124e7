"""What an atlas shows, in words."""

import numpy as np

from headlens.model.atlas.atlas import AtlasInput
from headlens.model.atlas.measures import roles_of
from headlens.viz.view.atlas import GAP, patch_of, place_in_words, role_over_inputs, shown_tokens, token_kinds


def text_of(*tokens: str, text: str) -> AtlasInput:
    special = np.array([token.startswith("[") for token in tokens])
    return AtlasInput("t:1", (text,), tokens, special, None, b"")


def test_a_role_over_inputs() -> None:
    roles = roles_of("texts")
    said = role_over_inputs(
        roles, {"previous": 0.94, "next": 0.01, "special": 0.71}, told=dict.fromkeys(roles, 200.0), inputs=240
    )
    assert said == "previous token (0.94), the mean over 240 inputs; 71\u00a0% of its weight rests on special tokens."
    weak = role_over_inputs(roles, {"previous": 0.2, "next": 0.3}, told=dict.fromkeys(roles, 5.0), inputs=5)
    assert weak == "no role stands out (nearest: next token, 0.30), the mean over 5 inputs."
    for score, few in ((float("nan"), 5.0), (0.9, 1.0)):
        said = role_over_inputs(roles, {"previous": score}, told={"previous": few}, inputs=5)
        assert said.startswith("too few inputs can tell its role")


def test_kinds_of_tokens() -> None:
    found = text_of("[CLS]", "un", "bel", "ief", ",", "7", "dogs", "’", "s", "[SEP]", text="Unbelief, 7 dogs’s")
    later = "later part of a word"
    expected = ["special", "word", later, later, "punctuation", "number", "word", "punctuation", "word", "special"]
    assert token_kinds(found) == expected
    assert token_kinds(text_of("a", "x", text="a box x"))[1] == "word", "what lies between was not read"


def test_a_long_text_is_shown_around_what_matters() -> None:
    assert shown_tokens(80, (0, 5)) == list(range(80))
    shown = shown_tokens(500, (0, 250))
    assert shown[:13] == list(range(13))
    assert shown[13:] == [GAP, *range(238, 263), GAP]
    assert shown_tokens(500, (499,)) == [GAP, *range(487, 500)]


def test_places_of_a_photo() -> None:
    photo = AtlasInput("a.jpg", (), ("[CLS]", *(["p"] * 6)), np.array([True] + [False] * 6), (2, 3), b"")
    assert patch_of(photo, 0) is None
    assert patch_of(photo, 1) == (0, 0)
    assert patch_of(photo, 6) == (1, 2)
    assert place_in_words(photo, 6) == "the patch in row 1, column 2"
    assert place_in_words(photo, 0) == "“[CLS]”"
    assert place_in_words(text_of("a\u202e", text="a"), 0) == "“a⟨202E⟩”"
