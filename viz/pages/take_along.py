"""*Take it with you*: every figure, its data, the explorer itself and the recording, as files."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.export import package
from headlens.viz.export.about import About, about_view
from headlens.viz.export.drawn import COLUMNS
from headlens.viz.export.findings import Finding
from headlens.viz.export.html import LARGEST, html_size
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.knob import knob
from headlens.viz.view.view import View, file_name

MIME = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv", "html": "text/html", "zip": "application/zip"}
MEGA = 1e6
BYTES = 3.7  # that a compressed weight takes
PAGE = 307_000  # bytes that a figure's page takes in a zip, nearly all of them the library that draws it
ABOUT_ZIP = "All of the above, with what makes it again where that is known, and a README that says what each file is."


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
    panel = _panel(page)
    if not panel.open:
        return
    recording = shown.recording
    with panel:
        millimetres, caption = _looks(page)
        name = f"headlens-{page}-{file_name(view)}"
        figures = package.figures(recording, view, millimetres=millimetres, caption=caption)
        data, picture = package.data(recording, view), package.shown(recording, view)
        for kind, title in package.TITLES.items():
            files = {file: make for file, make in figures.items() if file.startswith(f"{kind}.")}
            if files:
                _row(page, title, name, files)
        _row(page, "The picture as numbers", name, picture)
        arrays = round(recording.num_heads * recording.num_tokens * recording.num_keys * BYTES)
        arrays_file = next(file for file in data if file.endswith(".npz"))
        _row(page, "The weights as data", name, data, sizes={arrays_file: arrays})
        if note := package.data_note(view, data):
            st.caption(note)
        size = shown.derive("html size", lambda: html_size(recording))
        explorer: package.Files = {"explorer.html": lambda: package.explorer_file(shown, view, caption=caption)}
        if size <= LARGEST:
            _row(page, "This explorer, alive", name, explorer, sizes={"explorer.html": size})
        else:
            st.caption(f"The explorer as one file would take {size / MEGA:,.0f} MB, more than browsers open.")
            explorer, size = {}, 0
        about, files = about_view(recording, view), {**figures, **picture, **data, **explorer}
        _recording(page, name, entry, files, about, millimetres=millimetres, again=again, size=arrays + size)


def take_findings(page: str, entry: RecordingEntry, findings: list[Finding], about: About, *, again: Again) -> None:
    """The same panel for what was found about a recording.

    Args:
        page: names the panel's widgets.
        entry: the recording.
        findings: each with a figure and a table.
        about: what the captions and the metadata say.
        again: how the input was recorded.
    """
    panel = _panel(page)
    if not panel.open:
        return
    with panel:
        millimetres, caption = _looks(page)
        name = f"headlens-{page}"
        files = _findings(page, name, findings, about, millimetres=millimetres, caption=caption)
        _recording(page, name, entry, files, about, millimetres=millimetres, again=again, size=_pages(files))


def take_files(
    page: str,
    findings: Callable[[], list[Finding]],
    about: About,
    *,
    rows: Mapping[str, package.Files],
    others: package.Files,
    size: int,
    readme: str,
) -> None:
    """The same panel for what was found about two recordings.

    Args:
        page: names the panel's widgets.
        findings: each with a figure and a table; asked for once the panel is open.
        about: what the captions and the metadata say.
        rows: more files to be saved one by one, by their titles.
        others: files that are in the zip as well.
        size: of these in bytes, about.
        readme: of the zip.
    """
    panel = _panel(page)
    if not panel.open:
        return
    with panel:
        millimetres, caption = _looks(page)
        name = f"headlens-{page}"
        files = _findings(page, name, findings(), about, millimetres=millimetres, caption=caption)
        for title, own in rows.items():
            _row(page, title, name, own)
            files |= own
        size += _pages(files)
        _all_in_one(page, name, {**files, **others}, about, millimetres=millimetres, size=size, readme=readme)


def _findings(
    page: str, name: str, findings: list[Finding], about: About, *, millimetres: int, caption: bool
) -> package.Files:
    """A row for each; give the files of all."""
    files = package.Files()
    for finding in findings:
        own = finding.files(about, millimetres=millimetres, caption=caption)
        _row(page, finding.name.replace("-", " ").capitalize(), name, own)
        files |= own
    return files


def _pages(files: package.Files) -> int:
    """Bytes in a zip of the figures that are pages of their own."""
    return PAGE * sum(name.endswith(".html") for name in files)


def _panel(page: str) -> ExpanderContainer:
    """Folded at first; what is in it is drawn while it is open, and costs no pin anything before."""
    return st.expander("Take it with you", key=f"{page}_take", on_change="rerun")


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
    _row(page, "The recording", name, recording, sizes={"recording.safetensors": entry.recording.nbytes})
    size += entry.recording.nbytes
    _all_in_one(page, name, every, about, millimetres=millimetres, size=size, readme=package.README)


def _all_in_one(
    page: str, name: str, files: package.Files, about: About, *, millimetres: int, size: int, readme: str
) -> None:
    """One zip of all files; size: their bytes, about."""
    zipped: package.Files = {"all.zip": lambda: package.zipped(files, about, millimetres=millimetres, readme=readme)}
    _row(page, "All in one", name, zipped, sizes={"all.zip": size})


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
