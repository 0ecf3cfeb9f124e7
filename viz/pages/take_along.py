"""*Take it with you*: every figure, its data, the explorer itself and the recording, as files."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import package
from headlens.viz.export.about import About, about_view
from headlens.viz.export.drawn import COLUMNS, png_of
from headlens.viz.export.findings import Finding
from headlens.viz.export.html import LARGEST, html_size
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.knob import knob
from headlens.viz.view.view import View, file_name

MIME = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv", "html": "text/html", "zip": "application/zip"}
MEGA = 1e6
BYTES = 3.7  # that a compressed weight takes
ABOUT_ZIP = "Figures, data, the explorer, the recording, and reproduce.py, which makes it again."


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
        millimetres, caption = _looks(page)
        name = f"headlens-{page}-{file_name(view)}"
        figures = package.figures(shown.recording, view, millimetres=millimetres, caption=caption)
        data = package.data(shown.recording, view)
        for kind, title in package.TITLES.items():
            files = {file: make for file, make in figures.items() if file.startswith(f"{kind}.")}
            if files:
                _row(page, title, name, files)
        arrays = round(shown.recording.num_heads * shown.recording.num_tokens * shown.recording.num_keys * BYTES)
        arrays_file = next(file for file in data if file.endswith(".npz"))
        _row(page, "The weights as data", name, data, sizes={arrays_file: arrays})
        size = html_size(shown.recording)
        explorer: package.Files = {"explorer.html": lambda: package.explorer_file(shown, view, caption=caption)}
        if size <= LARGEST:
            _row(page, "This explorer, alive", name, explorer, sizes={"explorer.html": size})
        else:
            explorer = {}
            st.caption(f"The explorer as one file would take {size / MEGA:,.0f} MB, more than browsers open.")
        about = about_view(shown.recording, view)
        files = {**figures, **data, **explorer}
        others = arrays + (size if explorer else 0)
        _recording(page, name, entry, files, about, millimetres=millimetres, again=again, size=others)


def take_findings(page: str, entry: RecordingEntry, findings: list[Finding], about: About, *, again: Again) -> None:
    """The same panel for what was found about a recording.

    Args:
        page: names the panel's widgets.
        entry: the recording.
        findings: each with a figure and a table.
        about: what the captions and the metadata say.
        again: how the input was recorded.
    """
    with st.expander("Take it with you"):
        millimetres, caption = _looks(page)
        name, files = f"headlens-{page}", package.Files()
        for finding in findings:

            def svg(finding: Finding = finding) -> str:
                return finding.svg(about, millimetres=millimetres, caption=caption)

            own: package.Files = {
                f"{finding.name}.svg": lambda svg=svg: svg().encode(),  # type: ignore[misc]
                f"{finding.name}.png": lambda svg=svg: png_of(svg()),  # type: ignore[misc]
                f"{finding.name}.html": lambda finding=finding: finding.html(  # type: ignore[misc]
                    about, millimetres=millimetres, caption=caption
                ).encode(),
                f"{finding.name}.csv": lambda finding=finding: finding.table().encode(),  # type: ignore[misc]
            }
            _row(page, finding.name.replace("-", " ").capitalize(), name, own)
            files |= own
        _recording(page, name, entry, files, about, millimetres=millimetres, again=again)


def _looks(page: str) -> tuple[int, bool]:
    """The width of the figures in millimetres, and whether they have captions."""
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
            help="A line that says which model, layer, head and query a figure is of. It is in each file's metadata in "
            "any case.",
        )
    return millimetres, caption


def _recording(
    page: str,
    name: str,
    entry: RecordingEntry,
    others: package.Files,
    about: About,
    *,
    millimetres: int,
    again: Again | None,
    size: int = 0,
) -> None:
    """The recording, and all files in one; size: bytes of the other files, about."""
    recording: package.Files = {"recording.safetensors": lambda: package.saved(entry.recording)}
    every = {**others, **recording, **({} if again is None else package.again(entry.recording, *again))}
    zipped: package.Files = {"all.zip": lambda: package.zipped(every, about, millimetres=millimetres)}
    _row(page, "The recording", name, recording, sizes={"recording.safetensors": entry.recording.nbytes})
    _row(page, "All in one", name, zipped, sizes={"all.zip": entry.recording.nbytes + size})


def _row(
    page: str,
    title: str,
    name: str,
    files: Mapping[str, Callable[[], bytes]],
    *,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Files that are made when they are asked for, each by its own button; sizes in bytes, of large ones."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(title, width=150)
        for file, make in files.items():
            ending = file.rpartition(".")[2]
            size = f", about {sizes[file] / MEGA:.1f} MB" if sizes is not None and file in sizes else ""
            st.download_button(
                f"{ending.upper()}{size}",
                make,
                file_name=f"{name}-{file}",
                mime=MIME.get(ending, "application/octet-stream"),
                key=f"{page}_take_{file}",
                on_click="ignore",
                help=ABOUT_ZIP if ending == "zip" else f"Saves {name}-{file}.",
            )
