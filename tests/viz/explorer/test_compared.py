"""Two heads side by side: all that the browser computes from is there, and gives what the API gives."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headlens.model.comparison.alignment import align, of_groups
from headlens.model.comparison.comparison import Comparison, compare
from headlens.model.comparison.corrections import corrected
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.text_model import EncoderTextModel
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import compared
from headlens.viz.explorer.compared import PairHeader, build_pair
from headlens.viz.theme import DARK, LIGHT, Theme
from headlens.viz.view.pair import PairView
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, pair_weights, side_of, unpack
from tests.viz.explorer.test_header import misfits

VIEW = PairView(2, None)
HEADS = ((1, 2), (0, 1))


def pair_of(
    comparison: Comparison, view: PairView = VIEW, *, has: object = None, theme: Theme = LIGHT
) -> tuple[str, Payload]:
    entries = RecordingEntry("of A", comparison.a), RecordingEntry("of B", comparison.b)
    id, data = build_pair(entries, comparison, HEADS, view, has=has, theme=theme)
    return id, unpack(data)


def header_of(payload: Payload) -> dict[str, object]:
    return {name: value for name, value in payload.header.items() if name != "blobs"}


@pytest.fixture(scope="module")
def nurse(minilm: EncoderTextModel) -> Comparison:
    return compare(minilm.record("The nurse said that she was tired."), minilm.record("The nurse said he was."))


@pytest.fixture(scope="module")
def merged() -> Comparison:
    """Places of several positions, of one, and of one side alone."""
    a, b = random_recording("causal", num_tokens=5), random_recording("none", num_tokens=6)
    return compare(a, b, of_groups(a, b, [((0, 1), (0,)), ((2,), (1, 2, 3)), ((3,), ()), ((), (4,)), ((4,), (5,))]))


@pytest.mark.parametrize("name", ["nurse", "merged"])
@pytest.mark.parametrize("matrix", [True, False])
def test_every_weight_and_difference_is_that_of_the_api(
    name: str, matrix: bool, request: pytest.FixtureRequest
) -> None:
    comparison = request.getfixturevalue(name)
    _, payload = pair_of(comparison, PairView(None, 1, matrix=matrix))
    assert misfits(header_of(payload), PairHeader) == []
    expected = comparison.weights(*HEADS[0], HEADS[1])
    for found, weights in zip(pair_weights(payload), expected):
        np.testing.assert_allclose(found, weights, atol=1e-5)
    assert payload.header["special"] == comparison.special.tolist()
    for side, alignment in enumerate(zip(comparison.alignment.main_places, comparison.alignment.counterparts)):
        arrays = side_of(payload, side).arrays
        np.testing.assert_array_equal([arrays["main"], arrays["partner"]], alignment)
    assert [len(payload.header["matrices"]), "weightsA" in payload.arrays] == ([3, True] if matrix else [0, False])
    if matrix:
        own, theirs = (payload.arrays[each].reshape(expected[0].shape) for each in ("weightsA", "weightsB"))
        np.testing.assert_array_equal([own, theirs], expected)
        assert not any("z" in trace for figure in payload.header["matrices"] for trace in figure["data"])


def test_what_the_browser_has_is_not_sent_again(nurse: Comparison, merged: Comparison) -> None:
    id, whole = pair_of(nurse)
    assert not whole.header["sent"]
    same, again = pair_of(nurse, PairView(None, 3, "by"), has=id)
    assert (same, again.header["sent"], again.arrays) == (id, True, {})
    assert again.header["view"] | {"query2": 3, "direction": "by"} == again.header["view"]
    assert misfits(header_of(again), PairHeader) == []
    others = [
        pair_of(merged, has=id),
        pair_of(nurse, PairView(2, None, matrix=True), has=id),
        pair_of(compare(nurse.a, nurse.b, of_groups(nurse.a, nurse.b, [((1,), (1,))])), has=id),
    ]
    assert all(other != id and not payload.header["sent"] for other, payload in others)
    light, dark = (pair_of(nurse, PairView(2, None, matrix=True), theme=theme)[0] for theme in (LIGHT, DARK))
    assert light != dark


def test_weights_beyond_the_scale_are_told(minilm: EncoderTextModel, nurse: Comparison) -> None:
    def note(comparison: Comparison, *, matrix: bool = True) -> object:
        return pair_of(comparison, PairView(2, None, matrix=matrix))[1].header["matrixNote"]

    own, theirs = nurse.weights(*HEADS[0], HEADS[1])
    assert max(own.max(), theirs.max()) > max(own[:, ~nurse.special].max(), theirs[:, ~nurse.special].max())
    assert note(nurse) == compared.BEYOND
    assert note(nurse, matrix=False) == ""
    nowhere = random_recording("none", num_tokens=4)
    assert not nowhere.special.any()
    assert note(compare(nowhere, nowhere)) == ""


def test_many_places_have_no_matrices(nurse: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "LARGEST_DRAWN", 8)
    _, payload = pair_of(nurse, PairView(2, None, matrix=True))
    assert payload.header["matrices"] == []
    assert "weightsA" not in payload.arrays
    assert payload.header["matrixNote"].startswith("The matrices are drawn up to")


def test_photos_have_boxes(dinov2: EncoderImageModel, coffee: Recording, sample_photo: Callable[[str], Path]) -> None:
    other = dinov2.record(sample_photo("coffee"), 252)
    _, payload = pair_of(compare(coffee, other))
    boxes = payload.arrays["boxes"].reshape(-1, 4)
    assert len(boxes) == len(payload.header["names"])
    np.testing.assert_array_equal(boxes[0], 0)  # [CLS] lies nowhere
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert (heights * widths).sum() == pytest.approx(1, abs=1e-5)
    for side, recording in enumerate((coffee, other)):
        arrays = side_of(payload, side).arrays
        rows, columns = recording.grid or (0, 0)
        patch = arrays["position"] - recording.prefix_tokens
        inside = patch >= 0
        top, left = patch // columns / rows, patch % columns / columns
        area = (heights * widths)[arrays["place"]] * rows * columns
        np.testing.assert_allclose(arrays["share"][inside], area[inside], atol=1e-4)
        middle = boxes[arrays["place"]] @ [[0.5, 0], [0, 0.5], [0.5, 0], [0, 0.5]]
        for corner, axis, count in ((top, 0, rows), (left, 1, columns)):
            within = (middle[:, axis] > corner - 1e-6) & (middle[:, axis] < corner + 1 / count + 1e-6)
            assert within[inside].all()
        assert "photo" in arrays


def test_a_pair_of_patches_is_drawn_at_its_patch_of_a(
    dinov2: EncoderImageModel, coffee: Recording, sample_photo: Callable[[str], Path]
) -> None:
    other = dinov2.record(sample_photo("coffee"), 252)
    rows, columns = coffee.grid or (0, 0)
    own, theirs = 1 + 3 * columns + 4, 1 + 100
    comparison = compare(coffee, other, corrected(align(coffee, other), coffee, other, [(own, theirs), (None, 7)]))
    id, payload = pair_of(comparison)
    assert id != pair_of(compare(coffee, other))[0]
    for found, weights in zip(pair_weights(payload), comparison.weights(*HEADS[0], HEADS[1])):
        np.testing.assert_allclose(found, weights, atol=1e-5)
    boxes = payload.arrays["boxes"].reshape(-1, 4)
    pair, alone = len(boxes) - 2, len(boxes) - 1
    assert payload.header["names"][pair] == f"{coffee.tokens[own]} | {other.tokens[theirs]}"
    np.testing.assert_allclose(boxes[pair], [3 / rows, 4 / columns, 4 / rows, 5 / columns], atol=1e-6)
    np.testing.assert_array_equal(boxes[alone], 0)  # under A's patches
    sides = [side_of(payload, side).arrays for side in (0, 1)]
    assert (sides[0]["main"][own], sides[1]["main"][theirs], sides[1]["main"][7]) == (pair, pair, alone)
    assert (sides[0]["partner"][own], sides[1]["partner"][theirs], sides[1]["partner"][7]) == (theirs, own, -1)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert areas.sum() == pytest.approx(1, abs=1e-5)  # A's photo, each part of it once
