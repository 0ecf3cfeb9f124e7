"""The page *Image*: a photo, every head from one patch, and what that patch looks at."""

from functools import partial

import numpy as np
import streamlit as st
from PIL import Image

from headlens.model.recording.recording import Photo, Recording
from headlens.viz.explorer.fragment import show_explorer
from headlens.viz.figures.tiles import blended
from headlens.viz.inputs.model_picker import pick_model
from headlens.viz.inputs.photo import FIRST, MODEL, SIZES, PhotoRequest, change_address, choose
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages import parts
from headlens.viz.pages.predictions import show_predictions
from headlens.viz.pages.runtime import RecordingRequest, get_model, record
from headlens.viz.pages.stages import entry_of, pick_stage
from headlens.viz.view.address import View

TYPES = ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif"]


def page() -> None:
    """Draw the page."""
    parts.keep_address("image")
    choices, message = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    model = pick_model("image", ("image", "image-text"), MODEL, choices, message)
    with message:
        asked = choose(model)
    with choices:
        _inputs(asked)
    run = recorded(asked)
    recording = run.kept().recording
    photo = recording.photo
    assert photo is not None  # an image model recorded it
    if "input" in recording.notes:
        st.info(recording.notes["input"])
    stage = pick_stage("image", recording, first=recording.stage)
    of_stage = partial(entry_of, stage=stage)
    shown = of_stage(run.kept()).recording
    show_explorer("image", run, start(shown, photo, asked), link(asked.source), of_stage, show_predictions)
    if "saliency" in recording.outputs:
        _saliency(recording, photo)
    parts.model_line(recording)
    parts.about(recording)


def start(recording: Recording, photo: Photo, asked: PhotoRequest) -> View:
    """Where the page starts: the sample's own view."""
    sample = PHOTOS[asked.source if isinstance(asked.source, str) else FIRST]
    rows, columns = photo.grid
    row, column = int(sample.place[0] * rows), int(sample.place[1] * columns)
    patch = recording.prefix_tokens + row * columns + column
    if asked.model == MODEL:
        return View(sample.layer, sample.head, query=patch)
    text = asked.text is not None and recording.stage == "decoder"
    query = recording.prefix_tokens - 1 if text else patch  # the last token of the text
    return View(recording.num_layers // 2, 0, query=query)


def link(source: str | bytes) -> str:
    """What a page on this photo says of its address."""
    return "This link opens what you see." if isinstance(source, str) else "Your photo is not in this link."


def _inputs(asked: PhotoRequest) -> None:
    """Drawn before the recording is made: while it is, another photo or size can be chosen."""
    state = st.session_state
    state.image_sample = asked.source if isinstance(asked.source, str) else None
    state.image_size = asked.size
    if asked.text is not None:
        state.image_text = asked.text
        st.text_input(
            "Text after the photo",
            key="image_text",
            max_chars=2_000,
            on_change=_take_text,
            help="The model reads the photo, then this; its words are chips below the photo, and look at its patches.",
        )
    st.pills(
        "Samples",
        list(PHOTOS),
        key="image_sample",
        on_change=_take_sample,
        help="Each opens on a head and a patch that show something.",
    )
    st.selectbox(
        "Size",
        asked.sizes,
        key="image_size",
        on_change=_take_size,
        args=(asked.default_size,),
        width=150,
        help="Pixels of the photo's short side: more make finer patches and take longer. Letterboxed: fitted into "
        "224 x 224, which the saliency map was trained on.",
    )
    st.file_uploader(
        "Your own photo: drop it, or paste onto the field",
        type=TYPES,
        key="image_file",
        on_change=take_upload,
        args=("image_file",),
        help="It stays on this machine. At most 25 MB and 40 million pixels, up to 4 times as long as wide.",
    )
    with st.popover("Take a photo", help="With this device's camera."):
        if st.toggle("Camera on", key="image_camera_on", help="The camera is used only while this is on."):
            st.camera_input(
                "Camera",
                key="image_camera",
                on_change=take_upload,
                args=("image_camera",),
                help="The photo stays on this machine.",
            )


def _take_sample() -> None:
    if (picked := st.session_state.image_sample) is not None:
        change_address(sample=None if picked == FIRST else picked, own=None)


def _take_text() -> None:
    change_address(text=st.session_state.image_text.strip() or None)


def _take_size(default: str) -> None:
    size = st.session_state.image_size
    change_address(size=None if size == default else size)


def take_upload(key: str) -> None:
    """The file of an uploader is to be shown, if it can be."""
    if (file := st.session_state[key]) is not None:
        st.session_state.image_candidate = file.getvalue()


def recorded(asked: PhotoRequest) -> RecordingRequest:
    """The recording of a photo at a size."""
    content = asked.content
    text = () if asked.text is None else (asked.text,)
    return record(
        asked.model,
        (content, *(part.encode("utf-8", "surrogatepass") for part in text)),
        asked.size,
        lambda on_layer: get_model(asked.model).record(content, *text, size=SIZES[asked.size], on_layer=on_layer),
        sample=isinstance(asked.source, str) and asked.model == MODEL,
    )


def _saliency(recording: Recording, photo: Photo) -> None:
    with st.expander("Saliency: what would draw an eye, by the decoder on top of the same features", expanded=True):
        note = recording.notes.get("saliency")
        st.caption(note.capitalize() + "." if note else "Exact: the size and shape that the decoder was trained on.")
        st.image(_saliency_picture(recording.outputs["saliency"], photo), width=520)


def _saliency_picture(saliency: np.ndarray, photo: Photo) -> Image.Image:
    height = saliency.shape[0]
    picture = Image.fromarray(blended(photo.pixels, saliency))
    return picture.resize((round(height * photo.aspect), height))
