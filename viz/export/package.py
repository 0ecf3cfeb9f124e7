"""All that can be taken away of an input, each by its file's name, made when it is asked for; and one zip of it."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export.about import About, about_view, caption_of
from headlens.viz.export.data import MAX_ROWS, shown_csv, weights_csv, weights_npz
from headlens.viz.export.drawn import Kind, drawn_files, drawn_svg
from headlens.viz.export.html import explorer_html
from headlens.viz.export.reproduce import Call, script_of
from headlens.viz.view.view import View, file_name

Files = dict[str, Callable[[], bytes]]
TITLES: dict[Kind, str] = {
    "heatmap": "Every query and every key",
    "strip": "The tokens",
    "overlay": "The picture",
    "grid": "All heads",
    "bars": "The strongest weights",
}
README = """{caption}

Figures: SVG and PNG, {millimetres} mm wide, on white. explorer.html: the explorer with this recording; it needs no
network. recording.safetensors: queries, keys and values of every head; headlens.model.Recording.load reads it.
weights…npz: numpy.load reads it, "readme" in it says what it holds. picture.csv: what the picture shows, a weight for
each position. Tables (.csv) have a heading; a token that begins with = + - @ stands behind an apostrophe, so that no
sheet takes it for a formula. reproduce.py makes the recording again and says whether it is the same; what "Does it
matter?" measured of it, the commands `headlens heads` and `headlens explain` measure again.
"""


def kinds_of(recording: Recording) -> list[Kind]:
    """The figures that a recording has."""
    return ["strip", "heatmap", "grid", "bars"] if recording.photo is None else ["overlay", "heatmap", "grid", "bars"]


def figures(recording: Recording, view: View, *, millimetres: int, caption: bool) -> Files:
    """Each figure as SVG and as PNG, by "kind.ending"."""
    files: Files = {}
    for kind in kinds_of(recording):
        draw = partial(drawn_svg, kind, recording, view, millimetres=millimetres, caption=caption)
        files |= drawn_files(kind, draw)
    return files


def data(recording: Recording, view: View) -> Files:
    """The weights: of the view's head as CSV, where they fit a sheet, and of its layer as npz."""
    name = file_name(View(view.layer, view.head, view.query))
    files: Files = {f"weights-layer{view.layer}.npz": lambda: weights_npz(recording, view.layer)}
    if recording.num_tokens * recording.num_keys <= MAX_ROWS:
        files[f"weights-{name}.csv"] = lambda: weights_csv(recording, view.layer, view.head).encode()
    return files


def data_note(view: View, files: Files) -> str:
    """Which heads `data` is of, where the view is of several; nothing where it is of one."""
    if view.scope == "head":
        return ""
    alone = f"; CSV: its head {view.head}" if any(name.endswith(".csv") for name in files) else ""
    several = "of the shown heads together, the weights are in “The picture as numbers”"
    return f"NPZ: every head of layer {view.layer}, each alone{alone}; {several}."


def shown(recording: Recording, view: View) -> Files:
    """The numbers that the picture shows, as a table."""
    return {"picture.csv": lambda: shown_csv(recording, view).encode()}


def explorer_file(entry: RecordingEntry, view: View, *, caption: bool) -> bytes:
    """The explorer with one recording, as HTML."""
    about = about_view(entry.recording, view)
    return explorer_html(entry, view, caption=caption_of(about) if caption else "", about=about)


def saved(recording: Recording) -> bytes:
    """The recording as a file. Raises RecordingError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording.safetensors"
        recording.save(path)
        return path.read_bytes()


def again(recording: Recording, model: str, call: Call) -> Files:
    """What makes a recording again, and its input."""
    files: Files = {"reproduce.py": lambda: script_of(recording, model, call).encode()}
    return files | {name: lambda content=content: content for name, content in call.files.items()}


def zipped(files: Mapping[str, Callable[[], bytes]], about: About, *, millimetres: int, readme: str = README) -> bytes:
    """All files in one, and what they are."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme.format(caption=caption_of(about), millimetres=millimetres))
        for name, make in files.items():
            archive.writestr(name, make())
    return whole.getvalue()
