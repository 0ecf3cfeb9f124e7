"""The plain Plotly figure of a recording, for notebooks and scripts."""

from collections.abc import Callable, Mapping
from functools import partial

import plotly.graph_objects as go

from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.drawn import check_kind
from headlens.viz.export.figures import FIGURES, WIDTH
from headlens.viz.figures import attention_heatmap, pooled_heatmap
from headlens.viz.notebook.start import entry_of, view_of
from headlens.viz.theme import THEMES, Theme
from headlens.viz.view.derived import LARGEST_DRAWN, can_merge, matrix
from headlens.viz.view.view import View

Draw = Callable[[RecordingEntry, View, Theme], tuple[go.Figure, float]]


def recording_figure(
    kind: str, recording: Recording, fields: Mapping[str, object], *, theme: str = "light"
) -> go.Figure:
    """A figure of a view, WIDTH pixels wide.

    Args:
        kind: "heatmap" (every query and key of a head), "overlay" (a photo's), "strip" (a text's), "grid" (all heads)
            or "bars" (the strongest weights).
        recording: what it is of.
        fields: of the View, where they are not as the pages start; a heatmap frames the query that is among them.
        theme: "light" or "dark".

    Raises InputError for a kind that the recording does not have, a theme or a view that there is not.
    """
    check_kind(kind, recording)
    if theme not in THEMES:
        raise InputError(f"theme must be one of {', '.join(THEMES)}, not {theme!r:.60}.")
    entry = entry_of(recording)
    figure, aspect = KINDS[kind](entry, view_of(entry.recording, fields), THEMES[theme])
    if kind == "heatmap" and fields.get("query") is None and fields.get("queries") is None:
        figure.layout.shapes = ()  # nobody asked for one
    return figure.update_layout(width=WIDTH, height=round(WIDTH / aspect))


def _heatmap(entry: RecordingEntry, view: View, theme: Theme) -> tuple[go.Figure, float]:
    recording = entry.recording
    if view.scope != "head" and not can_merge(recording):
        raise InputError(f"{recording.num_tokens:,} tokens make a matrix too large to merge heads in: take one head.")
    weights, tokens, special = matrix(entry, view), recording.tokens, recording.special
    causal = partial(attention_heatmap, causal=recording.layers[view.layer].causal)
    draw: Callable[..., go.Figure] = pooled_heatmap if recording.num_tokens > LARGEST_DRAWN else causal
    chosen, direction = view.chosen, view.direction
    return draw(weights, tokens, special, query=chosen, direction=direction, log=view.log, theme=theme), 1.08


KINDS: dict[str, Draw] = {
    "heatmap": _heatmap,
    "overlay": FIGURES["picture"],
    "strip": FIGURES["picture"],
    "grid": FIGURES["heads"],
    "bars": FIGURES["bars"],
}
