"""A recording that is opened from a file, in place of a page's own input: shown without its model."""

import hashlib
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from headlens.model.errors import RecordingError
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.inputs.messages import plain, show_error
from headlens.viz.inputs.model_picker import KINDS
from headlens.viz.pages import parts
from headlens.viz.pages.body import show_entry
from headlens.viz.pages.stages import pick_stage
from headlens.viz.view.address import write_texts
from headlens.viz.view.start import first_view
from headlens.viz.view.view import View

MAX_MEGABYTES = 400
# A file is dropped at the foot of the page, and what is said of it stands at its head.
UP = "<script>document.querySelector('[data-testid=stMain]').scrollTo(0, 0)</script>"
TITLES = {"text": "Text", "image": "Image", "generate": "Generate", "sound": "Sound"}


@dataclass(frozen=True)
class Opened:
    """A recording that a visitor brought; nobody else sees it."""

    kept: RecordingEntry

    def entry(self) -> RecordingEntry:
        """The recording."""
        return self.kept


def offer_to_open(page: str) -> None:
    """Draw the control that opens a file, folded; it names the control, and the page's own part of the session."""
    with st.expander("Open a recording"):
        st.file_uploader(
            "A recording that was saved here, or by Recording.save",
            type=["safetensors"],
            key=f"{page}_recording",
            on_change=_take,
            args=(page,),
            max_upload_size=MAX_MEGABYTES,
            help=f"A .safetensors file of at most {MAX_MEGABYTES} MB. It stays on this machine.",
        )


def show_opened(page: str) -> bool:
    """Draw what was opened, in place of the page's own input; False where nothing is.

    Args:
        page: names the page's own part of the session.
    """
    state = st.session_state
    if (refusal := state.pop(f"{page}_recording_refused", None)) is not None:
        show_error(refusal)
    if "opened" not in st.query_params:
        return False
    opened = state.get(f"{page}_opened")
    if not isinstance(opened, Opened):
        st.info("The recording of this link is not in it; open the file again, at the foot of this page.")
        return False
    recording = opened.kept.recording
    if state.pop(f"{page}_up", False):
        st.html(UP, unsafe_allow_javascript=True)
    _say(page, recording)
    stage = pick_stage(page, recording)
    show_entry(page, opened, _start, stage=stage, link="The recording is not in this link.")
    parts.about(recording)
    offer_to_open(page)
    return True


def _start(shown: Recording) -> View:
    return replace(first_view(shown), matrix=shown.photo is None)


def _take(page: str) -> None:
    """The file that was dropped becomes what is open, or the page says why not."""
    state = st.session_state
    file = state[f"{page}_recording"]
    if file is None:
        return
    try:
        state[f"{page}_opened"] = Opened(_read(file.name, file.getvalue()))
        state[f"{page}_up"] = True
        st.query_params.from_dict({"opened": "1"})
    except RecordingError as error:
        state[f"{page}_recording_refused"] = str(error)


def _read(name: str, content: bytes) -> RecordingEntry:
    with tempfile.TemporaryDirectory() as folder:  # what is not a recording is refused by its header
        path = Path(folder) / re.sub(r"[^\w .-]", "_", name)[-100:].strip(". ")  # the name is a stranger's
        path.write_bytes(content)
        return RecordingEntry(hashlib.sha256(content).hexdigest(), Recording.load(path))


def _say(page: str, recording: Recording) -> None:
    """What is open, and what to do to run its model."""
    model = recording.model
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            f"A recording of {plain(model.title)}, opened from a file, without its model: all that you see comes from "
            "the file. Another input, *Does it matter?* and *How it works* need the model."
        )
        st.button("Close it", key=f"{page}_close", on_click=_close, args=(page, {}), help="Back to the page's input.")
        if model.kind in KINDS[TITLES[page]]:
            texts = (write_texts(recording.texts[:1]) or {}) if recording.photo is None else {}
            address = ({} if model.name == next(iter(CATALOGUE)) else {"model": model.name}) | texts
            st.button(
                "Load its model",
                key=f"{page}_load",
                on_click=_close,
                args=(page, address),
                help="Loads the model by its name or folder, here, and runs it on the recording's text or on a sample.",
            )
        else:
            kinds = [title for title, kinds in KINDS.items() if model.kind in kinds and title in TITLES.values()]
            if kinds:
                st.caption(f"On the page {kinds[0]} its model can be loaded.")


def _close(page: str, address: dict[str, str]) -> None:
    st.session_state.pop(f"{page}_opened", None)
    st.query_params.from_dict(address)
