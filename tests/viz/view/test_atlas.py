"""What an atlas shows, in words."""

import dataclasses

import numpy as np

from headlens.model.analysis.roles.naming import Named
from headlens.model.atlas.atlas import AtlasInput, Example
from headlens.model.atlas.measures import roles_of
from headlens.viz.figures.joint_map import TOKEN_KINDS
from headlens.viz.view.atlas import (
    GAP,
    OverInputs,
    counted,
    example_in_words,
    how_drawn,
    measure_over_inputs,
    patch_of,
    place_in_words,
    role_beside,
    role_over_inputs,
    shown_tokens,
    token_kinds,
)

NO_WEIGHTS = np.zeros(0, np.float32)  # of an input that is too long


def text_of(*tokens: str, text: str) -> AtlasInput:
    special = np.array([token.startswith("[") for token in tokens])
    return AtlasInput("t:1", (text,), tokens, special, None, b"")


NAN = float("nan")


def over(
    mean: dict[str, float],
    *,
    told: float = 240.0,
    enough: float | None = None,
    inputs: int = 240,
    std: float = 0.05,
) -> OverInputs:
    """A head of an atlas of texts: its roles can be told in so many inputs, and in some by enough positions."""
    counts = dict.fromkeys(mean, told), dict.fromkeys(mean, told if enough is None else enough)
    return OverInputs(roles_of("texts"), mean, dict.fromkeys(mean, std), *counts, inputs)


def test_a_role_over_inputs() -> None:
    said = role_over_inputs(over({"previous": 0.94, "next": 0.01, "special": 0.71}))
    assert said == (
        "previous token (0.94 ± 0.05), mean and standard deviation over 240 inputs; 71\u00a0% of its weight rests on "
        "special tokens."
    )
    weak = role_over_inputs(over({"previous": 0.2, "next": 0.3}, told=5.0, inputs=5))
    expected = "no role stands out (nearest: next token, 0.30 ± 0.05), mean and standard deviation over 5 inputs."
    assert weak == expected
    assert role_over_inputs(over({"next": 0.8}, std=NAN)) == "next token (0.80), the mean over 240 inputs."
    some = role_over_inputs(over({"duplicate": 0.56}, told=150.0))
    assert some == "same token elsewhere (0.56 ± 0.05), mean and standard deviation over 150 of 240 inputs."
    few_positions = role_over_inputs(over({"duplicate": 0.56, "special": 0.2}, told=150.0, enough=60.0))
    assert few_positions.startswith("too few of 240 inputs can tell its role; "), "by a third of their positions"
    one = role_over_inputs(over({"previous": 0.9, "special": 0.2}, told=1.0, inputs=1))
    assert one == "one input is too few to tell its role; 20\u00a0% of its weight rests on special tokens."
    causal = dataclasses.replace(over({"next": 0.8, "special": 0.2}), causal=True)
    assert role_over_inputs(causal).endswith("; 20\u00a0% of its weight rests on the first token and special ones.")
    for score, few in ((NAN, 5.0), (0.9, 1.0)):
        said = role_over_inputs(over({"previous": score}, told=few, inputs=5))
        assert said == "too few of 5 inputs can tell its role."


def test_a_measure_over_inputs() -> None:
    said = measure_over_inputs(over({"duplicate": 0.56}, told=150.0), "duplicate", "same token", "share")
    assert said == "Same token: mean 0.56, standard deviation 0.05, over 150 of 240 inputs."
    one = measure_over_inputs(over({"far": 3.0}, std=NAN, told=1.0, inputs=1), "far", "distance", "tokens")
    assert one == "Distance: mean 3.00 tokens, over 1 input."


def test_one_is_no_plural() -> None:
    assert [counted(number, "photos") for number in (0, 1, 1200)] == ["0 photos", "1 photo", "1,200 photos"]


def test_a_role_on_one_input_beside_it() -> None:
    roles = roles_of("texts")
    of_all = over({"previous": 0.94, "duplicate": 0.31})
    assert role_beside(Named(roles["previous"], 0.88, True), of_all) == "On this input: previous token (0.88)."
    other = role_beside(Named(roles["duplicate"], 0.7, True), of_all)
    assert other == "On this input: same token elsewhere (0.70), which over those has 0.31 ± 0.05."
    assert role_beside(Named(roles["next"], 0.7, True), of_all) == "On this input: next token (0.70).", "not measured"
    assert role_beside(Named(roles["duplicate"], 0.2, False), of_all) == ""
    assert role_beside(None, of_all) == ""


def test_kinds_of_tokens() -> None:
    found = text_of("[CLS]", "un", "bel", "ief", ",", "7", "dogs", "’", "s", "[SEP]", text="Unbelief, 7 dogs’s")
    later = "later part of a word"
    assert set(TOKEN_KINDS) == set(token_kinds(found))
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
    assert place_in_words(photo, 6) == "patch (1, 2)"
    assert place_in_words(photo, 0) == "“[CLS]”"
    assert place_in_words(text_of("a\u202e", text="a"), 0) == "“a⟨202E⟩”"
    assert place_in_words(text_of("حب", text="حب"), 0) == "“\u2068حب\u2069”", "else an arrow behind it points back"


def test_what_the_number_of_an_example_is() -> None:
    text, example = text_of("[CLS]", "a", "b", text="a b"), Example(0, 0.70512, 1, 2, NO_WEIGHTS)
    assert example_in_words(text, example, "weight") == "0.705: “a” → “b”"
    share = "0.705 of the weight in this text goes to other tokens; strongest pair “a” → “b”"
    assert example_in_words(text, example, "share") == share, "the pair has another weight"
    whole = example._replace(weights=np.array([0.2, 0.05, 0.75], np.float32))
    assert example_in_words(text, whole, "weight") == "0.705: “a” → “b”, special tokens 0.200"
    assert example_in_words(text, whole, "share") == f"{share} 0.750, special tokens 0.200"
    photo = AtlasInput("a.jpg", (), tuple("pp"), np.array([False] * 2), (1, 2), b"")
    assert example_in_words(photo, Example(0, 0.5, 0, 1, NO_WEIGHTS), "share") == (
        "0.500 of the weight in this photo goes to other patches; strongest pair patch (0, 0) → patch (0, 1)"
    )


def test_how_examples_are_drawn() -> None:
    """It is said that the scale is of each example, and where weights are missing."""
    assert "the deeper a token's tint" in how_drawn("texts", whole=True)
    assert "the brighter a patch" in how_drawn("photos", whole=True)
    assert how_drawn("photos", whole=False).endswith(
        "Of inputs of more than 2,048 tokens only the strongest pair is kept."
    )
