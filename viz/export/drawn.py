"""Figures for print, drawn without a browser: Vega-Lite, laid out and written by vl-convert. SVG text stays text."""

import html
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from PIL import Image, PngImagePlugin

from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import marks
from headlens.viz.export.about import About, about_view, caption_of, heading_of
from headlens.viz.view.view import View

Kind = Literal["heatmap", "overlay", "strip", "grid", "bars"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COLUMNS = (85, 170)  # millimetres: one and two columns of a journal
PIXELS = 96 / 25.4  # of CSS, a millimetre
FONT = "sans-serif"
STAND_IN = "\ue000"  # for < on its way into a script; nobody's letter
LETTER = 0.62  # of its size that a letter is wide, at most on average
CONFIG = {
    "background": "white",
    "font": FONT,
    "view": {"stroke": None},
    "axis": {"labelFontSize": 9, "titleFontSize": 10, "labelLimit": 140, "domain": False, "ticks": False},
    "legend": {"labelFontSize": 9, "titleFontSize": 9, "gradientThickness": 8},
    "title": {"fontSize": 12, "subtitleFontSize": 8, "subtitleColor": "#555555", "anchor": "start"},
}
DRAW: dict[str, Callable[[RecordingEntry, View, float], marks.Spec]] = {
    "heatmap": marks.heatmap,
    "strip": marks.strip,
    "overlay": marks.overlay,
    "grid": marks.grid,
    "bars": marks.bars,
}


def drawn_svg(
    kind: str,
    recording: Recording,
    view: View,
    *,
    millimetres: int = 170,
    caption: bool = True,
    about: About | None = None,
) -> str:
    """One figure of a recording as SVG, on white, as wide as asked.

    Args:
        kind: of KINDS: the matrix, the tokens or the photo of one query, all heads, the strongest weights.
        recording: what to draw.
        view: of it.
        millimetres: how wide, 40 to 400.
        caption: with a line below that says what it is.
        about: what the caption and the metadata say; None: what `about_view` does.

    Raises InputError for a kind that the recording does not have, or a width out of bounds.
    """
    check_kind(kind, recording)
    about = about_view(recording, view) if about is None else about
    spec = DRAW[kind](RecordingEntry("", recording), view, width_of(millimetres))
    return written(spec, heading_of(recording, view, kind), about, millimetres=millimetres, caption=caption)


def width_of(millimetres: int) -> float:
    """In CSS pixels. Raises InputError for a width out of bounds."""
    if not 40 <= millimetres <= 400:
        raise InputError(f"A figure is from 40 to 400 mm wide, not {millimetres}.")
    return millimetres * PIXELS


def written(spec: marks.Spec, heading: str, about: About, *, millimetres: int, caption: bool) -> str:
    """A Vega-Lite specification as SVG, with its heading, its caption and its metadata."""
    import vl_convert  # it takes a tenth of a second

    whole = _whole(spec, heading, about, millimetres=millimetres, caption=caption)
    svg: str = vl_convert.vegalite_to_svg(json.dumps(whole), allowed_base_urls=[])
    return _sized(svg, millimetres, about)


def page_of(spec: marks.Spec, heading: str, about: About, *, millimetres: int, caption: bool) -> str:
    """The same as an HTML file that needs no network: numbers are shown where the pointer is."""
    import vl_convert

    whole = _whole(spec, heading, about, millimetres=millimetres, caption=caption)
    whole["config"] = {**CONFIG, "mark": {"tooltip": True}}
    menu = {"export": True, "source": False, "compiled": False, "editor": False}  # the editor is on Vega's site
    whole["usermeta"] = {"embedOptions": {"actions": menu}}
    safe = json.dumps(whole, ensure_ascii=False).replace("<", STAND_IN)  # a stranger's </script> would end the script
    page: str = vl_convert.vegalite_to_html(safe, bundle=True).replace(STAND_IN, r"\u003c")
    said = "".join(
        f'<meta name="headlens:{html.escape(name)}" content="{html.escape(value)}">' for name, value in about.items()
    )
    return page.replace("<head>", f"<head>{said}", 1)


def _whole(spec: marks.Spec, heading: str, about: About, *, millimetres: int, caption: bool) -> dict[str, object]:
    width = width_of(millimetres)
    whole: dict[str, object] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "config": CONFIG,
        "width": width,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": {"left": 4, "right": 10, "top": 4, "bottom": 6},
        "title": {"text": _lines(heading, width, 12)},
        **spec,
    }
    if caption:
        whole["title"] = {"text": _lines(heading, width, 12), "subtitle": _lines(caption_of(about, heading), width, 8)}
    return whole


def png_of(svg: str, *, scale: float = 2.0, about: About | None = None) -> bytes:
    """An SVG as PNG, so many times the size that a screen shows it in; about: into its text chunks."""
    import vl_convert

    pixels = Image.open(io.BytesIO(vl_convert.svg_to_png(svg, scale=scale)))
    chunks = PngImagePlugin.PngInfo()
    for name, value in (about or about_of(svg)).items():
        chunks.add_itxt(f"Headlens {name}", value)
    file = io.BytesIO()
    pixels.save(file, "PNG", pnginfo=chunks, dpi=(96 * scale, 96 * scale))
    return file.getvalue()


def drawn_files(name: str, svg: Callable[[], str]) -> dict[str, Callable[[], bytes]]:
    """A figure as SVG and as PNG, each made when it is asked for."""
    return {f"{name}.svg": lambda: svg().encode(), f"{name}.png": lambda: png_of(svg())}


def check_kind(kind: str, recording: Recording) -> None:
    """Raises InputError for a figure that there is not, or that the recording does not have."""
    if kind not in KINDS:
        raise InputError(f"There is no figure {kind!r:.60}; there are {', '.join(KINDS)}.")
    if kind == "overlay" and recording.photo is None:
        raise InputError("This recording is of a text, which has no overlay: take “strip”.")
    if kind == "strip" and recording.photo is not None:
        raise InputError("This recording is of a picture, which has no strip: take “overlay”.")


def about_of(svg: str) -> Mapping[str, str]:
    """What the metadata of an SVG of `written` say."""
    found = re.search(r'<metadata id="headlens">(.*?)</metadata>', svg, re.DOTALL)
    return {} if found is None else dict(json.loads(html.unescape(found[1])))


def _lines(text: str, width: float, size: float) -> list[str]:
    """A text in lines that fit."""
    most = max(10, int(width / (LETTER * size)))
    lines = [""]
    for word in text.split(" "):
        word = word if len(word) <= most else word[: most - 1] + "…"
        if len(lines[-1]) + 1 + len(word) > most and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _sized(svg: str, millimetres: int, about: About) -> str:
    """With its width in millimetres, its metadata, and no font but the generic one."""
    root = re.match(r"<svg[^>]*>", svg)
    assert root is not None
    width, height = (float(found) for found in re.findall(r'(?:width|height)="([\d.]+)"', root[0])[:2])
    size = f'width="{millimetres}mm" height="{millimetres * height / width:.2f}mm"'
    sized = re.sub(r'width="[\d.]+" height="[\d.]+"', size, root[0], count=1)
    metadata = html.escape(json.dumps(dict(about), ensure_ascii=False), quote=False)
    return f'{sized}<metadata id="headlens">{metadata}</metadata>{svg[root.end() :]}'
