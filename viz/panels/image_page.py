"""The page *Image*: a photo, every head from one patch, and what that patch looks at."""

import numpy as np
import streamlit as st

from model.errors import InputError
from model.inputs import Size
from model.recording import Photo, Recording
from viz.figures import head_grid, patch_overlay, saliency_overlay
from viz.figures.tiles import overlay_tiles
from viz.panels import parts
from viz.panels.recorder import Recorded, get_model, record
from viz.samples import PHOTOS, PhotoSample

MODEL = "dinov2-focus"
FIRST = "Coffee"
DEFAULT_SIZE = "448"
AXES = ("row", "column")
SIZES: dict[str, Size] = {
    "224": 224,
    "336": 336,
    "448": 448,
    "672": 672,
    "1036": 1036,
    "224 letterboxed": "letterbox",
}


def page() -> None:
    """Draw the page."""
    left, right = st.columns([1.16, 1], gap="large")
    with left:
        recorded, sample = _choose_photo()
        recording, photo = recorded.recording, recorded.recording.photo
        assert photo is not None  # an image model recorded it
        place = st.container()  # the sentence and the picture stand above the controls that they follow from
        query = _pick_query(recording, photo.grid, sample)
        layer, head = parts.pick_head("image", recording, sample.layer, sample.head)
        smooth, strength = _pick_look()
        weights = recording.attention(layer, head, query)
        parts.strongest_weights("image", recording, weights, 6)
    with place:
        parts.sentence(recording, layer, head, query)
        prefix = recording.tokens[: recording.prefix_tokens]
        figure = patch_overlay(photo, weights, prefix, query, smooth, strength, parts.current_theme())
        alt = f"What layer {layer}, head {head} looks at, over the photo"
        name = f"headlens-image-layer{layer}-head{head}"
        parts.show_figure(figure, "image_overlay", alt, name, photo.aspect * 0.92)
    with right:
        st.markdown("**All heads from here** · layers down, heads across, each on its own colour scale")
        tiles = _tiles(recorded.key, query, recording, photo)
        grid = head_grid(tiles, (layer, head), parts.current_theme(), "from the same query")
        num_layers, num_heads, height, width = tiles.shape[:4]
        aspect = (width * num_heads + 60) / (height * num_layers + 50)
        parts.show_figure(grid, "image_grid", "Every head of the model over the photo", "headlens-image-heads", aspect)
        parts.head_in_words(recording, layer, head, query)
        _saliency(recording, photo)
        parts.model_line(recording)
        parts.about(recording)


def _choose_photo() -> tuple[Recorded, PhotoSample]:
    """The input, recorded, and the sample whose head and patch the controls start from."""
    state = st.session_state
    choices, upload, message = st.container(horizontal=True), st.container(), st.container()
    if "image_looked" not in state:
        asked = st.query_params.get("image_sample", FIRST)
        state.image_looked = asked if asked in PHOTOS else FIRST
    with choices:
        samples = st.container(width="content")  # filled last: whether a sample is shown is known only then
        size = st.selectbox(
            "Size",
            list(SIZES),
            index=list(SIZES).index(DEFAULT_SIZE),
            key="image_size",
            bind="query-params",
            width=160,
            help="Pixels of the photo's short side: more make finer patches and take longer. Letterboxed is what the "
            "saliency map was trained on.",
        )
    with upload:
        st.file_uploader(
            "Your own photo",
            type=["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif"],
            key="image_file",
            on_change=_take_upload,
            help="It stays on this machine. At most 25 MB and 40 million pixels, up to 4 times as long as wide.",
        )
    with message:
        recorded = _record(size)
    shown = state.image_looked if isinstance(state.image_looked, str) else None
    state.image_sample = shown
    with samples:
        st.pills(
            "Samples",
            list(PHOTOS),
            default=FIRST,
            key="image_sample",
            bind="query-params",
            on_change=_take_sample,
            help="Each opens on a head and a patch that show something.",
        )
    return recorded, PHOTOS[shown or FIRST]


def _take_sample() -> None:
    if (picked := st.session_state.image_sample) is None:
        return  # pressed once more: it stays
    sample = PHOTOS[picked]
    st.session_state.update(
        image_looked=picked,
        image_layer=sample.layer,
        image_head=sample.head,
        image_from="Patch",
        image_place=sample.place,
    )


def _take_upload() -> None:
    if (file := st.session_state.image_file) is not None:
        st.session_state.image_candidate = file.getvalue()


def _record(size: str) -> Recorded:
    """The recording of what was asked for last, or, where that can't be read, of what was there before."""
    state = st.session_state
    if (candidate := state.pop("image_candidate", None)) is not None:
        try:
            recorded = _record_photo(candidate, size)
        except InputError as error:
            st.error(str(error))
        else:
            state.image_looked = candidate
            return recorded
    try:
        return _record_photo(state.image_looked, size)
    except InputError as error:  # a size that makes too many patches of this photo
        st.error(str(error))
        return _record_photo(state.image_looked, DEFAULT_SIZE)


def _record_photo(photo: str | bytes, size: str) -> Recorded:
    """A sample by its name, or an uploaded photo by its bytes."""
    content = PHOTOS[photo].read() if isinstance(photo, str) else photo
    return record(
        MODEL, (content,), size, lambda on_layer: get_model(MODEL).record(content, SIZES[size], on_layer=on_layer)
    )


def _pick_query(recording: Recording, grid: tuple[int, int], sample: PhotoSample) -> int:
    names = ["Patch", *recording.tokens[: recording.prefix_tokens]]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        origin = st.segmented_control(
            "Query: who looks",
            names,
            default="Patch",
            required=True,
            key="image_from",
            bind="query-params",
            help="A patch of the photo, or [CLS], the extra token that sums the photo up.",
        )
        origin = origin or "Patch"  # an address may leave it empty
        _keep_place(grid)
        row, column = (
            _pick_place(axis, count, int(share * count), disabled=origin != "Patch")
            for axis, count, share in zip(AXES, grid, sample.place)
        )
    if origin != "Patch":
        return names.index(origin) - 1
    return recording.prefix_tokens + row * grid[1] + column


def _keep_place(grid: tuple[int, int]) -> None:
    """Another size has another grid: the patch stays at its place in the photo, or goes where a sample says."""
    state = st.session_state
    before = state.get("image_grid", grid)
    place = state.pop("image_place", None)
    if place is None and before != grid:
        place = tuple((state.get(f"image_{axis}", 0) + 0.5) / count for axis, count in zip(AXES, before))
    if place is not None:
        state.update({f"image_{axis}": int(share * count) for axis, count, share in zip(AXES, grid, place)})
    state.image_grid = grid


def _pick_place(axis: str, count: int, start: int, disabled: bool) -> int:
    key = f"image_{axis}"
    if st.session_state.get(key, 0) not in range(count):
        st.session_state[key] = start
    return st.number_input(
        f"Patch {axis}",
        0,
        count - 1,
        start,
        key=key,
        bind="query-params",
        disabled=disabled,
        help=f"From 0 at the {'top' if axis == 'row' else 'left'} to {count - 1}.",
        width=130,
    )


def _pick_look() -> tuple[bool, float]:
    with st.container(horizontal=True):
        edges = st.segmented_control(
            "Patches",
            ["Crisp", "Smooth"],
            default="Crisp",
            required=True,
            key="image_edges",
            bind="query-params",
            help="Crisp shows each patch as the model weighs it; smooth blends neighbours.",
        )
        strength = st.slider(
            "Strength",
            10,
            100,
            85,
            5,
            format="%d %%",
            key="image_strength",
            bind="query-params",
            help="How strongly the heat covers the photo.",
            width=220,
        )
    return edges == "Smooth", strength / 100


def _saliency(recording: Recording, photo: Photo) -> None:
    st.markdown("**Saliency** · what would draw an eye, by the decoder on top of the same features")
    note = recording.notes.get("saliency")
    st.caption(note.capitalize() + "." if note else "Exact: the size and shape that the decoder was trained on.")
    figure = saliency_overlay(photo, recording.outputs["saliency"], parts.current_theme())
    parts.show_figure(figure, "image_saliency", "The photo with its saliency map", "headlens-saliency", photo.aspect)


@st.cache_data(max_entries=64, show_spinner=False)
def _tiles(key: str, query: int, _recording: Recording, _photo: Photo) -> np.ndarray:
    layers = range(_recording.num_layers)
    weights = np.stack([_recording.attention(layer, query=query) for layer in layers])  # [layer, head, key]
    patches = weights[..., _recording.prefix_tokens :].reshape(*weights.shape[:2], *_photo.grid)
    return overlay_tiles(_photo.pixels, patches)
