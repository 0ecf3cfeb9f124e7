"""The page Compare: patches of two photos paired by hand, by their names or as they are pinned."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.comparison.alignment import align
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import Correction, corrected
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.recording import Recording
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages.compare.correct import DRAWN, NOBODY
from tests.viz.explorer.payloads import pair_weights
from tests.viz.pages.apps import address, as_read, choose, errors, press, run, shown
from tests.viz.pages.test_compare_inputs import captions, check_grid, folds
from tests.viz.pages.test_compare_page import grid, open_compare, words

BY_PLACE = "Patches of A and B correspond by their place in the photo"
TWO = {"kind": "image", "sample": "Astronaut", "sample2": "Cat"}


@pytest.fixture(scope="module")
def both(dinov2: EncoderImageModel) -> tuple[Recording, Recording]:
    a, b = (dinov2.record(PHOTOS[name].read(), 224) for name in ("Astronaut", "Cat"))
    assert a.grid != b.grid
    return a, b


def paired(both: tuple[Recording, Recording], *corrections: Correction) -> Comparison:
    return compare(*both, corrected(align(*both), *both, corrections))


def patch(recording: Recording, row: int, column: int) -> int:
    assert recording.grid is not None
    position = recording.prefix_tokens + row * recording.grid[1] + column
    assert recording.tokens[position] == f"({row}, {column})"
    return position


def corrections_shown(app: AppTest) -> list[str]:
    return [as_read(button.label) for button in app.button if button.label.endswith("✕")]


def test_patches_are_paired_and_taken_back(both: tuple[Recording, Recording]) -> None:
    app = open_compare(**TWO, layer="3", head="1")
    found = paired(both)
    check_grid(app, found)
    assert DRAWN not in captions(app)
    own, theirs = patch(both[0], 4, 7), patch(both[1], 9, 2)
    assert [app.selectbox(key=f"compare_patch_{side}").options[:4] for side in "AB"] == [
        ["the pinned one", "no patch", "[CLS]", "(0, 0)"]
    ] * 2
    choose(app, compare_patch_A=own, compare_patch_B=theirs)
    press(app, "Pair")
    assert address(app) == TWO | {"layer": "3", "head": "1", "pairs": f"{own}.{theirs}"}
    comparison = paired(both, (own, theirs))
    assert np.abs(comparison.divergence - found.divergence).max() > 1e-4
    check_grid(app, comparison)
    for shown_weights, weights in zip(pair_weights(shown(app)), comparison.weights(3, 1)):
        np.testing.assert_allclose(shown_weights, weights, atol=1e-4)
    assert f"{BY_PLACE}, 1 set by hand" in folds(app)
    assert DRAWN in captions(app)
    choose(app, compare_patch_A=NOBODY, compare_patch_B=1)
    press(app, "Pair")
    assert corrections_shown(app) == ["(4, 7) = (9, 2) ✕", "no patch = (0, 0) ✕"]
    check_grid(app, paired(both, (own, theirs), (None, 1)))
    press(app, "Swap A and B")
    assert errors(app) == []
    assert address(app)["pairs"] == f"{theirs}.{own}-1.x"
    assert (address(app)["sample"], address(app)["sample2"]) == ("Cat", "Astronaut")
    check_grid(app, paired(both, (own, theirs), (None, 1)))
    app.button(key="compare_unpair_1").click()
    run(app)
    assert address(app)["pairs"] == f"{theirs}.{own}"
    press(app, "As found")
    check_grid(app, found)


def test_the_pinned_patches_are_paired(both: tuple[Recording, Recording]) -> None:
    own, theirs = patch(both[0], 2, 3), patch(both[1], 10, 11)
    app = open_compare(**TWO, query=str(own), query2=str(theirs))
    press(app, "Pair")
    assert address(app)["pairs"] == f"{own}.{theirs}"
    check_grid(app, paired(both, (own, theirs)))
    choose(app, compare_patch_A=NOBODY)
    press(app, "Pair")
    assert address(app)["pairs"] == f"x.{theirs}"  # what was said of B's patch before counts no more
    assert corrections_shown(app) == ["no patch = (10, 11) ✕"]
    check_grid(app, paired(both, (None, theirs)))
    again = open_compare(**TWO, query=str(own), pairs=f"{own}.{theirs}")  # one query for both
    choose(again, compare_patch_A=0)
    press(again, "Pair")
    assert address(again)["pairs"] == f"0.{theirs}"  # the partner that the pinned one was given


def test_words_name_both_patches_of_a_pair(both: tuple[Recording, Recording]) -> None:
    """Where a head differs most in how much looks at the pair: its patch of A is the one that is looked at most."""
    a, b = both
    weights = np.stack([a.attention_from(layer, range(a.num_tokens)) for layer in range(12)])[..., a.prefix_tokens :]
    layer, head, _, key = map(int, np.unravel_index(weights.argmax(), weights.shape))
    own, theirs = a.prefix_tokens + key, patch(b, 10, 11)
    comparison = paired(both, (own, theirs))
    difference = np.abs(comparison.difference(layer, head))
    assert np.unravel_index(np.nanargmax(difference), difference.shape)[1] == len(difference) - 1
    app = open_compare(**TWO, layer=str(layer), head=str(head), pairs=f"{own}.{theirs}")
    assert f"at A's patch {a.tokens[own]} and its partner, B's patch (10, 11): " in words(app)
    assert "Without a partner:" in words(app)


def test_pairs_stay_with_their_photos(both: tuple[Recording, Recording]) -> None:
    app = open_compare(**TWO, pairs="5.6")
    app.slider(key="compare_paint_across").set_value((10, 40))
    run(app)
    assert address(app)["pairs"] == "5.6"
    assert f"{BY_PLACE}, 1 set by hand" in folds(app)
    choose(app, compare_photo2="Coffee")
    assert "pairs" not in address(app)
    assert BY_PLACE in folds(app)
    again = open_compare(kind="image", sample="Cat", pairs="5.6")
    assert max(grid(again).values()) > 0
    choose(again, compare_size="letterboxed")
    assert "pairs" not in address(again)
