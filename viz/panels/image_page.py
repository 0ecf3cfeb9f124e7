"""The page *Image*: a photo, every head from one patch, and what that patch looks at."""

import numpy as np
import streamlit as st
from PIL import Image

from model.errors import InputError
from model.inputs import Size
from model.recording import Photo, Recording
from viz.address import View
from viz.figures.tiles import blended
from viz.panels import parts
from viz.panels.lens import show_explorer
from viz.panels.recorder import Recorded, get_model, record
from viz.samples import PHOTOS

MODEL = "dinov2-focus"
FIRST = "Coffee"
DEFAULT_SIZE = "448"
SIZES: dict[str, Size] = {
    "224": 224,
    "336": 336,
    "448": 448,
    "672": 672,
    "1036": 1036,
    "letterboxed": "letterbox",
}


def page() -> None:
    """Draw the page."""
    parts.keep_address("image")
    choices, message = st.container(horizontal=True, vertical_alignment="bottom"), st.container()
    with message:
        source, size = choose()
    with choices:
        _inputs(source, size)
    run = recorded(source, size)
    recording = run.kept().recording
    photo = recording.photo
    assert photo is not None  # an image model recorded it
    show_explorer("image", run, start(recording, photo, source), link(source))
    _saliency(recording, photo)
    parts.model_line(recording)
    parts.about(recording)


def start(recording: Recording, photo: Photo, source: str | bytes) -> View:
    """Where the page starts: the sample's own view."""
    sample = PHOTOS[source if isinstance(source, str) else FIRST]
    rows, columns = photo.grid
    row, column = int(sample.place[0] * rows), int(sample.place[1] * columns)
    return View(sample.layer, sample.head, query=recording.prefix_tokens + row * columns + column)


def link(source: str | bytes) -> str:
    """What a page on this photo says of its address."""
    return "This link opens what you see." if isinstance(source, str) else "Your photo is not in this link."


def _asked() -> tuple[str | bytes, str]:
    """The photo (a sample's name, or the bytes of this session's own) and the size that the address asks for."""
    params, state = st.query_params, st.session_state
    size = params.get("size", DEFAULT_SIZE)
    source = params.get("sample", FIRST)
    if "own" in params and "image_own" in state:
        return state.image_own, size if size in SIZES else DEFAULT_SIZE
    return source if source in PHOTOS else FIRST, size if size in SIZES else DEFAULT_SIZE


def choose() -> tuple[str | bytes, str]:
    """Which photo and size: what was given last, else what the address asks for; what cannot be read is refused."""
    state = st.session_state
    asked, size = _asked()
    candidate = state.pop("image_candidate", None)
    if candidate is not None and _readable(candidate, size):
        state.image_own = candidate
        _change_address(own="1", sample=None)
        return candidate, size
    if "own" in st.query_params and "image_own" not in state:
        st.info("The photo of this link is not in it, and left when its page was closed; this is a sample.")
    if _readable(asked, size):
        return asked, size
    # A size may make too many patches of this photo: the largest one that does not is shown.
    pixels = [name for name in SIZES if name.isdigit() and int(name) < int(size)] if size.isdigit() else []
    fitting = next((name for name in reversed(pixels) if _refusal(asked, name) is None), DEFAULT_SIZE)
    st.info(f"The photo is shown at {fitting} instead.")
    _change_address(size=None if fitting == DEFAULT_SIZE else fitting)
    return asked, fitting


def _readable(source: str | bytes, size: str) -> bool:
    """Whether it can be recorded; else the page says why not."""
    if (refusal := _refusal(source, size)) is not None:
        st.error(refusal)
    return refusal is None


def _refusal(source: str | bytes, size: str) -> str | None:
    """Why it cannot be recorded, or None."""
    state = st.session_state
    if state.get("image_good") == (source, size):
        return None
    try:
        get_model(MODEL).read(content_of(source), SIZES[size])
    except InputError as error:
        return str(error)
    state.image_good = (source, size)
    return None


def content_of(source: str | bytes) -> bytes:
    """The file's bytes, of a sample by its name."""
    return PHOTOS[source].read() if isinstance(source, str) else source


def _inputs(source: str | bytes, size: str) -> None:
    """Drawn before the recording is made: while it is, another photo or size can be chosen."""
    state = st.session_state
    state.image_sample = source if isinstance(source, str) else None
    state.image_size = size
    st.pills(
        "Samples",
        list(PHOTOS),
        key="image_sample",
        on_change=_take_sample,
        help="Each opens on a head and a patch that show something.",
    )
    st.selectbox(
        "Size",
        list(SIZES),
        key="image_size",
        on_change=_take_size,
        width=150,
        help="Pixels of the photo's short side: more make finer patches and take longer. Letterboxed: fitted into "
        "224 x 224, which the saliency map was trained on.",
    )
    st.file_uploader(
        "Your own photo: drop it, or paste onto the field",
        type=["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif"],
        key="image_file",
        on_change=_take_upload,
        args=("image_file",),
        help="It stays on this machine. At most 25 MB and 40 million pixels, up to 4 times as long as wide.",
    )
    with st.popover("Take a photo", help="With this device's camera."):
        if st.toggle("Camera on", key="image_camera_on", help="The camera is used only while this is on."):
            st.camera_input(
                "Camera",
                key="image_camera",
                on_change=_take_upload,
                args=("image_camera",),
                help="The photo stays on this machine.",
            )


def _change_address(**changes: str | None) -> None:
    """Another photo or size: the rest of the address goes, but for what stays true of any photo."""
    kept = {name: st.query_params[name] for name in ("sample", "own", "size") if name in st.query_params}
    st.query_params.from_dict({name: value for name, value in (kept | changes).items() if value is not None})


def _take_sample() -> None:
    if (picked := st.session_state.image_sample) is not None:
        _change_address(sample=None if picked == FIRST else picked, own=None)


def _take_size() -> None:
    size = st.session_state.image_size
    _change_address(size=None if size == DEFAULT_SIZE else size)


def _take_upload(key: str) -> None:
    if (file := st.session_state[key]) is not None:
        st.session_state.image_candidate = file.getvalue()


def recorded(source: str | bytes, size: str) -> Recorded:
    """The recording of a photo at a size."""
    content = content_of(source)
    return record(
        MODEL,
        (content,),
        size,
        lambda on_layer: get_model(MODEL).record(content, SIZES[size], on_layer=on_layer),
        sample=isinstance(source, str),
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
