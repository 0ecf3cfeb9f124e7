"""The explorer with one recording as a file of its own: it needs no server and no network, and stays interactive."""

import base64
import functools
import gzip
import hashlib
from collections.abc import Mapping
from html import escape
from string import Template

import torch

from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer.bundle import MODULES, PLOTLY, bundle
from headlens.viz.explorer.offline import everything
from headlens.viz.theme import DARK, FONT, LIGHT, Theme, css_variables
from headlens.viz.view.derived import Work, at_once
from headlens.viz.view.pieces import pieces_of
from headlens.viz.view.tiles import MATRIX_SIDE
from headlens.viz.view.view import View

LARGEST = 200_000_000  # bytes; browsers take many times as much memory to open it
EXPLORER = MODULES.parent
BASE64 = 4 / 3
# What gzip leaves of each: of plotly.js, of float32 and of 16-bit numbers as float32, of levels, of a token's names.
PLOTLY_LEFT, FLOATS_LEFT, HALVES_LEFT, LEVELS_LEFT, TOKEN_LEFT = 0.306, 0.93, 0.47, 0.5, 60
JPEG_LEFT = 0.25  # bytes a pixel


def explorer_html(
    entry: RecordingEntry, view: View, *, caption: str, about: Mapping[str, str], work: Work = at_once
) -> bytes:
    """The file. It may run its own script and show its own pictures, and is forbidden to load anything.

    Args:
        entry: what it holds, all of it but the values.
        view: what it shows first.
        caption: stands below the explorer; "" for none.
        about: what it says of itself, as <meta name="headlens:…">.
        work: as in `headlens.viz.explorer.payload.build`.

    Raises InputError where the file would be larger than LARGEST.
    """
    recording = entry.recording
    if (size := html_size(recording)) > LARGEST:
        raise InputError(
            f"A file that explores all {recording.num_tokens:,} tokens would take about {size / 1e6:,.0f} MB, and "
            f"{LARGEST / 1e6:.0f} MB is what browsers open well: take a shorter text, or a photo at a smaller size."
        )
    script = f"\n{bundle('offline')}$offline.default(document);\n"
    page = Template(_read("offline.html")).safe_substitute(
        policy=_policy(script),
        about="\n".join(_meta(f"headlens:{name}", value) for name, value in about.items()),
        title=escape(f"Headlens: {recording.model.title}"),
        style=_style(),
        explorer=_read("explorer.html"),
        caption=f'<p class="hl-caption">{escape(caption)}</p>' if caption else "",
        script=script,
        plotly=_plotly(),
    )
    before, _, after = page.rpartition("$recording")  # what a stranger wrote stands before it
    packed = gzip.compress(everything(entry, view, work), 6, mtime=0)
    return b"".join([before.encode(), base64.b64encode(packed), after.encode()])


def html_size(recording: Recording) -> int:
    """About how many bytes the file takes: counted from the shapes, before it is made."""
    pieces = pieces_of(recording)  # of words too, tokens are what the file holds
    layers, num_tokens, num_heads = pieces.layers, pieces.num_tokens, pieces.num_heads
    script = sum(path.stat().st_size for path in [*MODULES.glob("*.js"), *EXPLORER.glob("*.css")])
    size = PLOTLY_LEFT * PLOTLY.stat().st_size + num_tokens * TOKEN_LEFT
    size += FLOATS_LEFT * 4 * len(layers) * num_heads * num_tokens  # the sums of the rows
    for layer in layers:
        left = HALVES_LEFT if layer.query.element_size() == 2 else FLOATS_LEFT
        size += 0 if layer.scores_only else left * 4 * (layer.query.numel() + layer.key.numel())
    size += sum(FLOATS_LEFT * 4 * mask.numel() for mask in _masks(pieces))
    if recording.photo is None:
        side = min(MATRIX_SIDE, num_tokens)
        size += LEVELS_LEFT * len(layers) * num_heads * side**2
    else:
        height, width, _ = recording.photo.pixels.shape
        size += JPEG_LEFT * height * width
    return round(BASE64 * size + script)


def _masks(recording: Recording) -> list[torch.Tensor]:
    """Those of the layers' masks that add numbers, and are no layer's before: of others nearly nothing is left."""
    found: list[torch.Tensor] = []
    for mask in (layer.mask for layer in recording.layers):
        if mask is None or mask.dtype == torch.bool or any(torch.equal(mask, other) for other in found):
            continue
        if not (mask.isinf() | (mask == mask.amax())).all():
            found.append(mask)
    return found


def _read(name: str) -> str:
    return (EXPLORER / name).read_text(encoding="utf-8")


@functools.lru_cache(maxsize=1)
def _plotly() -> str:
    return base64.b64encode(gzip.compress(PLOTLY.read_bytes(), 9, mtime=0)).decode()


def _meta(name: str, content: str) -> str:
    return f'<meta name="{escape(name)}" content="{escape(content)}">'


def _policy(script: str) -> str:
    """What the browser lets the file do: run this one script and plotly.js, which it unpacks, and draw.

    plotly.js styles its pictures itself, and makes files of them by way of data: and blob:.
    """
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'sha256-{own}' blob:",
            "style-src 'unsafe-inline'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _style() -> str:
    """The look of the page, light or dark as the visitor has it."""
    light, dark = _colours(LIGHT), _colours(DARK)
    looks = f":root {{ --font: {FONT}; {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return looks + css_variables() + _read("explorer.css") + _read("offline.css")


def _colours(theme: Theme) -> str:
    """The names that Streamlit has for them, which explorer.css takes."""
    return (
        f"--st-text-color: {theme.text}; --st-background-color: {theme.background}; --st-border-color: {theme.line}; "
        f"--st-primary-color: {theme.accent}; --muted: {theme.muted};"
    )
