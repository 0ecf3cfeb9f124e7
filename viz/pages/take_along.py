"""*Take it with you*: every figure, its data, the explorer itself and the recording, as files."""

from collections.abc import Callable
from typing import NamedTuple

import streamlit as st

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import package
from headlens.viz.export.about import about_view
from headlens.viz.export.drawn import COLUMNS
from headlens.viz.export.html import html_size
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.knob import knob
from headlens.viz.view.view import View, file_name

MIME = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv", "html": "text/html", "zip": "application/zip"}
MEGA = 1e6


class Again(NamedTuple):
    """How an input was recorded."""

    model: str  # the name that it was loaded by
    call: Call


def take_along(page: str, entry: RecordingEntry, shown: RecordingEntry, view: View, *, again: Again | None) -> None:
    """Draw the panel, folded: nothing is made before it is asked for.

    Args:
        page: names the panel's widgets.
        entry: the whole recording.
        shown: the stage of it that the explorer shows.
        view: of that.
        again: how the input was recorded; None where that is not known: then there is no reproduce.py.
    """
    with st.expander("Take it with you"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            millimetres = knob(
                st.segmented_control,
                "Width of the figures",
                "mm",
                options=list(COLUMNS),
                start=COLUMNS[-1],
                page=page,
                required=True,
                format_func="{} mm".format,
                help="One or two columns of a journal; on white, whatever this page's colours are.",
            )
            caption = knob(
                st.segmented_control,
                "Caption",
                "caption",
                options=[True, False],
                start=True,
                page=page,
                required=True,
                format_func={True: "with", False: "without"}.__getitem__,
                help="A line that says which model, layer, head and query a figure is of. It is in each file's "
                "metadata in any case.",
            )
        figures = package.figures(shown.recording, view, millimetres=millimetres, caption=caption)
        data = package.data(shown.recording, view)
        recording: package.Files = {"recording.safetensors": lambda: package.saved(entry.recording)}
        if again is not None:
            recording |= package.again(entry.recording, *again)
        explorer: package.Files = {"explorer.html": lambda: package.explorer_file(shown, view, caption=caption)}
        name = f"headlens-{page}-{file_name(view)}"
        for kind in package.kinds_of(shown.recording):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(package.TITLES[kind], width=220)
                for ending in ("svg", "png"):
                    _button(page, ending.upper(), f"{name}-{kind}.{ending}", figures[f"{kind}.{ending}"])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text("The weights as data", width=220)
            for file, make in data.items():
                _button(page, file.rpartition(".")[2].upper(), f"{name}-{file}", make)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text("This explorer, alive", width=220)
            size = f"HTML, about {html_size(shown.recording) / MEGA:.1f} MB"
            _button(page, size, f"{name}.html", explorer["explorer.html"])
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text("The recording", width=220)
            size = f"safetensors, {entry.recording.nbytes / MEGA:.1f} MB"
            _button(page, size, f"headlens-{page}.safetensors", recording["recording.safetensors"])
            about, files = about_view(shown.recording, view), {**figures, **data, **explorer, **recording}
            _button(
                page,
                "All of it, zipped",
                f"{name}.zip",
                lambda: package.zipped(files, about, millimetres=millimetres),
                help="Figures, data, the explorer, the recording, and reproduce.py, which makes it again.",
            )


def _button(page: str, label: str, name: str, make: Callable[[], bytes], *, help: str | None = None) -> None:
    """A file that is made when it is asked for."""
    ending = name.rpartition(".")[2]
    st.download_button(
        label,
        make,
        file_name=name,
        mime=MIME.get(ending, "application/octet-stream"),
        key=f"{page}_take_{label}_{name}",
        on_click="ignore",
        help=help or f"Saves {name}.",
    )
