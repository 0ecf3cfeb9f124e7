"""The static picture of a view: what a saved notebook shows where no kernel runs."""

import base64
import html

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.about import heading_of
from headlens.viz.export.drawn import drawn_svg, png_of
from headlens.viz.view.view import View

MOST = 400  # tokens of a text that a picture holds
MIME = "image/png"
Bundle = dict[str, object]


def picture_of(entry: RecordingEntry, view: View) -> bytes:
    """A PNG: the photo or the text with the query's weights, or of a long text the strongest weights; kept a while."""
    kind = _kind(entry)
    return entry.derive(("static", view), lambda: png_of(drawn_svg(kind, entry.recording, view)))


def picture_bundle(entry: RecordingEntry, view: View, mark: str) -> Bundle:
    """The picture as an output of its own, which whoever shows the explorer below it can find by the mark, and hide.

    Raises what `picture_of` raises.
    """
    picture = base64.b64encode(picture_of(entry, view)).decode()
    alt = heading_of(entry.recording, view, _kind(entry))
    tag = (
        f'<img class="headlens-picture" data-headlens="{mark}" alt="{html.escape(alt)}" style="max-width: 100%" '
        f'src="data:{MIME};base64,{picture}">'
    )
    return {"text/html": tag, "text/plain": alt}


def _kind(entry: RecordingEntry) -> str:
    if entry.recording.photo is not None:
        return "overlay"
    return "strip" if entry.recording.num_tokens <= MOST else "bars"
