"""What a view is called, from templates that the explorer fills in as well."""

import re
from dataclasses import replace
from string import Formatter

import numpy as np
import pytest

from headlens.model.recording.parts import Photo
from headlens.viz.figures import labels
from headlens.viz.view.view import Reduction, Scope, View
from headlens.viz.view.wording import WORDING, listed, percent, title, what, who
from headlens.viz.view.words import wording_of
from tests.recordings import random_recording

PIXELS = np.zeros((2, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("scope", "reduction", "said"),
    [
        ("head", "mean", "Layer 3, head 1"),
        ("layer", "mean", "Layer 3, mean of all heads"),
        ("layer", "max", "Layer 3, maximum of all heads"),
        ("all", "mean", "All layers, mean of all heads"),
        ("all", "max", "All layers, maximum of all heads"),
    ],
)
def test_which_heads(scope: Scope, reduction: Reduction, said: str) -> None:
    view = View(3, 1, query=0, scope=scope, reduction=reduction)
    assert who(view, WORDING) == said
    assert title(view, "“it”", WORDING) == f"{said}: what “it” looks at"


def test_both_directions() -> None:
    assert what("[CLS]", "at") == "what [CLS] looks at"
    assert what("patch (1, 2)", "by") == "who looks at patch (1, 2)"


def test_several_tokens_and_several_heads() -> None:
    names = listed(["“a”", "“b”", "“c”", "“d”", "“e”"])
    assert what("“a”, “b”", "at", 2) == "what “a”, “b” look at (mean of 2 queries)"
    assert what(names, "by", 5) == "who looks at “a”, “b”, … “e” (sum over 5 keys)"
    heads = ((2, 1), (2, 3), (4, 0))
    assert who(View(2, 1, 0, "heads", "mean", heads=heads), WORDING) == (
        "Mean of 3 heads (layer 2 head 1, layer 2 head 3, layer 4 head 0)"
    )
    assert who(View(2, 1, 0, "heads", "max", heads=(*heads, (4, 1), (5, 7))), WORDING) == (
        "Maximum of 5 heads (layer 2 head 1, layer 2 head 3, … layer 5 head 7)"
    )


def test_a_name_with_braces_stays_as_it_is() -> None:
    assert title(View(3, 1, query=0), "“{who}”", WORDING) == "Layer 3, head 1: what “{who}” looks at"


def test_percents_do_not_break_and_figures_have_the_same_with_plain_spaces() -> None:
    weights = (1.0, 0.51, 0.0996, 0.087, 0.0087, 0.00087, 0.00001, 0.000001, 0.0)
    result = [percent(weight) for weight in weights]
    assert result[:4] == ["100\u00a0%", "51\u00a0%", "10\u00a0%", "8.7\u00a0%"]
    assert result[-2:] == ["<\u20090.001\u00a0%", "0\u00a0%"]
    assert [re.sub(r"\s", " ", written) for written in result] == [labels.percent(weight) for weight in weights]


def test_templates_ask_for_what_their_readers_have() -> None:
    asked = {
        **{name: {"layer", "head", "count", "heads"} for name in WORDING["who"].values()},
        WORDING["head"]: {"layer", "head"},
        WORDING["several"]["at"]: {"names", "count"},
        WORDING["several"]["by"]: {"names", "count"},
        WORDING["patches"]: {"first", "last", "rows", "columns"},
        WORDING["placed"]: {"name", "position"},
        **{template: {"name"} for template in (WORDING["patch"], WORDING["token"])},
        WORDING["what"]["at"]: {"name"},
        WORDING["what"]["by"]: {"name"},
        WORDING["special"]["at"]: {"percent", "name"},
        WORDING["special"]["by"]: {"percent", "name"},
        WORDING["title"]: {"who", "what"},
    }
    for template, names in asked.items():
        assert {name for _, name, _, _ in Formatter().parse(template) if name is not None} <= names, template


@pytest.mark.parametrize(
    ("photo", "patch", "named"),
    [
        (None, "patch {name}", ""),
        (Photo(PIXELS, 1.0, (1, 2)), "patch {name}", "(row, column)"),
        (Photo(PIXELS, 4.0, (1, 2), cell="frame", picture="spectrogram"), "frame {name}", "by when they begin; low"),
        (Photo(PIXELS, 4.0, (2, 2), cell="patch", picture="spectrogram"), "patch {name}", "the pitch in their middle"),
    ],
)
def test_what_is_in_a_picture_has_its_name(photo: Photo | None, patch: str, named: str) -> None:
    recording = random_recording(num_tokens=1 if photo is None else photo.grid[0] * photo.grid[1])
    wording = wording_of(replace(recording, photo=photo))
    assert wording["patch"] == patch
    assert named in wording["named"]
    assert bool(named) == bool(wording["named"])
    assert {**wording, **{name: WORDING[name] for name in ("patch", "patches", "named")}} == WORDING
