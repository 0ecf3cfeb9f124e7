"""Where places lie over a photo: painted pixel by pixel, no two on one, and each where its patch of A is."""

import numpy as np
from hypothesis import given, settings

from headlens.model.comparison.alignment import align
from headlens.model.comparison.boxes import place_boxes
from headlens.model.comparison.corrections import Correction, corrected
from headlens.model.comparison.photos import part_boxes
from headlens.model.recording.recording import Recording
from tests.model.comparison.test_comparison import photo
from tests.model.comparison.test_corrections import photos_and_corrections

SIDE = 96  # pixels of the whole photo: whole numbers of them make the patches of most grids


def patch_at(recording: Recording, down: float, along: float) -> int:
    """The position whose patch shows this point of the whole photo; -1 where none does."""
    assert recording.photo is not None
    top, left, bottom, right = recording.photo.window
    rows, columns = recording.photo.grid
    row, column = (down - top) / (bottom - top) * rows, (along - left) / (right - left) * columns
    if not (0 <= row < rows and 0 <= column < columns):
        return -1
    return recording.prefix_tokens + int(row) * columns + int(column)


@settings(max_examples=60, deadline=None)
@given(given=photos_and_corrections())
def test_every_pixel_of_a_is_of_one_place(given: tuple[Recording, Recording, list[Correction]]) -> None:
    a, b, corrections = given
    found = align(a, b)
    alignment = corrected(found, a, b, corrections)
    boxes = place_boxes(alignment, a, b)
    own, theirs = (places.shares.toarray() for places in (alignment.a, alignment.b))
    pixels = (np.arange(SIDE) + 0.37) / SIDE
    for down in pixels[::5]:
        for along in pixels[::5]:
            inside = (boxes[:, 0] <= down) & (boxes[:, 1] <= along) & (down < boxes[:, 2]) & (along < boxes[:, 3])
            places, of_a, of_b = np.flatnonzero(inside), patch_at(a, down, along), patch_at(b, down, along)
            if of_a >= 0:  # A's patch is what is seen there
                assert len(places) == 1
                assert own[places[0], of_a] > 0
            elif len(places):
                assert of_b >= 0
                assert len(places) == 1
                assert theirs[places[0], of_b] > 0
    nowhere = np.isnan(boxes).all(axis=1)
    np.testing.assert_array_equal(np.isnan(boxes).any(axis=1), nowhere)
    patches = own[:, a.prefix_tokens :].any(axis=1)
    assert not nowhere[patches].any()  # all of A's patches are seen


def test_as_found_each_part_lies_where_it_is() -> None:
    a = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]",))
    b = photo((3, 2), (0.25, 0.0, 1.0, 1.0), ("[CLS]", "[REG0]"))
    boxes = place_boxes(align(a, b), a, b)
    assert np.isnan(boxes[:2]).all()
    np.testing.assert_array_equal(boxes[2:], part_boxes(a, b))


def test_a_pair_lies_over_what_b_has_there() -> None:
    a = photo((2, 2), (0.0, 0.0, 1.0, 1.0), ())
    b = photo((2, 2), (0.0, 0.0, 1.0, 1.0), ())
    boxes = place_boxes(corrected(align(a, b), a, b, [(0, 3), (None, 1)]), a, b)
    seen = [[0.0, 0.5, 0.5, 1.0], [0.5, 0.0, 1.0, 0.5], [0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5]]
    assert np.isnan(boxes[[0, 5]]).all()  # B's first patch is under the pair, and its second under A's
    np.testing.assert_array_equal(boxes[1:5], seen)
