"""Where the places of two photos lie, to be drawn over A's."""

import numpy as np

from headlens.model.comparison.alignment import Alignment
from headlens.model.comparison.photos import SAME, part_boxes, patch_boxes
from headlens.model.recording.recording import Recording


def place_boxes(alignment: Alignment, a: Recording, b: Recording) -> np.ndarray:
    """[place, 4]: top, left, bottom and right as shares of the whole photo; nan for what lies nowhere.

    A part lies where it is. A place made by hand lies where its patch of A is, or the patch of B that is there alone.
    No two places overlap: what only B has lies nowhere where a place made by hand would be drawn over it, or under it.
    """
    parts = np.full(len(alignment.names), -1) if alignment.parts is None else alignment.parts
    boxes = np.full((len(parts), 4), np.nan)
    boxes[parts >= 0] = part_boxes(a, b)[parts[parts >= 0]]
    nowhere = [np.full((recording.prefix_tokens, 4), np.nan) for recording in (a, b)]
    of_a, of_b = (np.concatenate([before, patch_boxes(each)]) for before, each in zip(nowhere, (a, b)))
    by_hand, in_a = np.flatnonzero(parts < 0), alignment.a.filled
    for place in by_hand:
        own, theirs = (int(positions[place]) for positions in alignment.main_positions)
        boxes[place] = of_a[own] if in_a[place] else of_b[theirs]
    for place in by_hand:
        over = _overlap(boxes, boxes[place])
        if in_a[place]:
            boxes[over & ~in_a] = np.nan
        elif (over & in_a).any():
            boxes[place] = np.nan
    return boxes


def _overlap(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """[place] bool: which boxes share an area with this one; none does with nan."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])  # [place, 2], height and width
    over: np.ndarray = (sides > SAME).all(axis=1)
    return over
