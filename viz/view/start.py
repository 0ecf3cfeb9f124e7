"""Where a look at a recording starts, when nothing else is known of its input."""

import numpy as np

from headlens.model.analysis.joint import last_word
from headlens.model.inputs.patches import cut_patches
from headlens.model.recording.recording import Recording
from headlens.viz.view.view import View

WRITTEN = 1  # the segment of what a model wrote itself


def first_view(recording: Recording, sounding: np.ndarray | None = None) -> View:
    """A query that sees something, of a first or middle layer.

    Of a text its first word, or the last token where a model reads from left to right and only that one sees all
    others; of what a model wrote, its first token; of a photo the middle; of a sound the first word that was written,
    or where it is loudest: among the positions of the picture that are sounding, [position] bool, where that is known.
    """
    middle, last = recording.num_layers // 2, recording.num_tokens - 1
    if recording.model.kind == "sound":
        return View(middle, 0, query=_of_sound(recording, sounding))
    if recording.stage == "cross":
        return View(middle, 0, query=last_word(recording))
    if recording.grid is not None:
        rows, columns = recording.grid
        patch = recording.prefix_tokens + rows // 2 * columns + columns // 2
        return View(middle, 0, query=recording.prefix_tokens - 1 if recording.stage == "decoder" else patch)
    if recording.stage != "decoder":
        return View(0, 0, query=min(1, last))
    if WRITTEN in recording.segments:
        return View(middle, 0, query=recording.segments.index(WRITTEN))
    return View(0, 0, query=last)


def _of_sound(recording: Recording, sounding: np.ndarray | None) -> int:
    photo, written = recording.photo, np.flatnonzero(recording.segments)
    if photo is None or len(written):
        words = np.flatnonzero(~recording.special) if photo is None else written[~recording.special[written]]
        return int(words[0]) if len(words) else 0
    loudness = cut_patches(photo.pixels, photo.grid, axis=0).mean(axis=(1, 2, 3))
    if sounding is not None:
        loudness[~sounding] = -1  # zeros behind a sound are brighter than what is quiet in it
    return recording.prefix_tokens + int(loudness.argmax())
