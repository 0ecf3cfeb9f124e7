"""Which two photos the page Compare shows, and what is painted over in each: by controls and by the address."""

from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from headlens.model.errors import InputError
from headlens.model.inputs.image import Size
from headlens.viz.inputs.address import address_without
from headlens.viz.inputs.models import photo_sizes
from headlens.viz.inputs.paint import paint_control, read_rectangle, write_rectangle
from headlens.viz.inputs.pair import PairRequest, Side
from headlens.viz.inputs.photo import PhotoRequest, size_name, upload_field
from headlens.viz.inputs.samples import FIRST_PHOTO_PAIR, PHOTO_PAIRS, PHOTOS
from headlens.viz.inputs.session import InputSession

Photos = tuple[PhotoRequest, PhotoRequest]
SIDES = ("", "2")  # behind the parameters of A and of B
SESSIONS = tuple(
    InputSession[bytes, PhotoRequest](f"compare_photo{side}", of=f"{name}: ") for side, name in zip(SIDES, "AB")
)
SAME = "The same as A"
PARAMETERS = [f"{name}{side}" for name in ("sample", "own", "paint") for side in SIDES]
SIZES = [f"size{side}" for side in SIDES]


def choose_photos(models: tuple[str, str]) -> PairRequest:
    """The last uploads, else what the address asks for; what cannot be read is refused."""
    photos = _in_address(models)
    for side, session in enumerate(SESSIONS):
        if (candidate := session.take_candidate()) is not None:
            asked = replace(photos[side], source=candidate, painted=None)
            if session.readable(asked):
                photos = _changed(photos, side, asked)
                write_pair_of_photos(photos)
        if f"own{SIDES[side]}" in st.query_params and session.own is None:
            st.info("A photo of this link is not in it, and went when its page was closed; this is a sample.")
    if not all(session.readable(photo) for session, photo in zip(SESSIONS, photos)):
        photos = _first(models)
    return PairRequest(Side(photos[0]), Side(photos[1]))


def photo_pair_controls(request: PairRequest, form: DeltaGenerator) -> None:
    """Drawn before the recordings are made: while they are, others can be chosen."""
    photos = _photos(request)
    state = st.session_state
    pairs = {name: _pair_of(name, photos) for name in PHOTO_PAIRS}
    state.compare_photo_pair = next((name for name, pair in pairs.items() if pair == photos), None)
    for side, column in enumerate(form.columns(2, gap="medium")):  # on a phone one above the other
        with column:
            _photo_controls(side, photos)
    form.pills(
        "Samples",
        list(PHOTO_PAIRS),
        key="compare_photo_pair",
        on_change=lambda: (
            None if state.compare_photo_pair is None else write_pair_of_photos(pairs[state.compare_photo_pair])
        ),
        help="A photo and the same with a part painted over, or two photos: which heads notice?",
    )


def write_pair_of_photos(photos: Photos) -> None:
    """Into the address: all else that was chosen stays, but for a query in patches of another grid, and pairs of those
    of other photos."""
    a, b = photos
    before = _in_address((a.model, b.model))
    queries = [f"query{side}" for side, *pair in zip(SIDES, before, photos) if not _same_grid(*pair)]
    pairs = [] if all(map(_same_patches, before, photos)) else ["pairs"]
    kept = address_without("kind", *PARAMETERS, *SIZES, *queries, *pairs)
    written = {"kind": "image"}
    for photo, session in zip(photos, SESSIONS):
        if isinstance(photo.source, bytes):
            session.own = photo.source
    if photos != _first((a.model, b.model), (a.size, b.size)):
        written |= _source(a, "")
        written |= {} if b.source == a.source else _source(b, "2")
        written |= {f"paint{side}": write_rectangle(each.painted) for side, each in zip(SIDES, photos) if each.painted}
    sizes = _default_sizes((a.model, b.model), a.size)
    written |= {
        f"size{side}": size_name(each.size) for side, each, size in zip(SIDES, photos, sizes) if each.size != size
    }
    st.query_params.from_dict(written | kept)


def _same_patches(before: PhotoRequest, after: PhotoRequest) -> bool:
    """Whether they are one photo in the same patches, perhaps painted over."""
    return (before.source, before.size) == (after.source, after.size)


def _same_grid(before: PhotoRequest, after: PhotoRequest) -> bool:
    """Whether both have as many rows and columns of patches."""
    if _same_patches(before, after):
        return True
    try:
        return before.read().photo.grid == after.read().photo.grid
    except InputError:
        return False


def _photos(request: PairRequest) -> Photos:
    a, b = request.a.given, request.b.given
    assert isinstance(a, PhotoRequest)
    assert isinstance(b, PhotoRequest)
    return a, b


def _changed(photos: Photos, side: int, changed: PhotoRequest) -> Photos:
    """With another A or B; a B that is the same photo as A stays so."""
    a, b = photos
    if side == 1:
        return a, changed
    return changed, replace(b, source=changed.source) if b.source == a.source else b


def _in_address(models: tuple[str, str]) -> Photos:
    params = st.query_params
    sizes = list[Size | None]()
    for side, model in enumerate(models):
        names = {size_name(size): size for size in photo_sizes(model)[0]}
        default = _default_sizes(models, sizes[0] if sizes else None)[side]
        sizes.append(names.get(params.get(f"size{SIDES[side]}", ""), default))
    if not any(name in params for name in PARAMETERS):
        return _first(models, (sizes[0], sizes[1]))
    sources: list[str | bytes] = []
    for behind, session in zip(SIDES, SESSIONS):
        named = params.get(f"sample{behind}", "")
        own = session.own if f"own{behind}" in params else None
        otherwise = sources[0] if sources else PHOTO_PAIRS[FIRST_PHOTO_PAIR][0]
        sources.append(own if own is not None else named if named in PHOTOS else otherwise)
    a, b = (
        PhotoRequest(model, source, size, painted=read_rectangle(params.get(f"paint{behind}", "")))
        for behind, model, source, size in zip(SIDES, models, sources, sizes)
    )
    return a, b


def _default_sizes(models: tuple[str, str], size: Size | None) -> tuple[Size | None, Size | None]:
    """Where the address says none: a quick one, and of B that of A, where it is the same model."""
    own, default = (_quick_size(model) for model in models)
    return own, size if size is not None and models[0] == models[1] else default


def _quick_size(model: str) -> Size | None:
    """The smallest size, where the model's own is a number too: all heads are compared at all patches."""
    sizes, default = photo_sizes(model)
    return min(size for size in sizes if isinstance(size, int)) if isinstance(default, int) else default


def _first(models: tuple[str, str], sizes: tuple[Size | None, Size | None] | None = None) -> Photos:
    """The pair that the page opens on."""
    sizes = _default_sizes(models, None) if sizes is None else sizes
    a, b, rectangle = PHOTO_PAIRS[FIRST_PHOTO_PAIR]
    return PhotoRequest(models[0], a, sizes[0]), PhotoRequest(models[1], b, sizes[1], painted=rectangle)


def _pair_of(name: str, photos: Photos) -> Photos:
    """A sample, read as the photos that are shown."""
    a, b, rectangle = PHOTO_PAIRS[name]
    return replace(photos[0], source=a, painted=None), replace(photos[1], source=b, painted=rectangle)


def _source(photo: PhotoRequest, side: str) -> dict[str, str]:
    return {f"own{side}": "1"} if isinstance(photo.source, bytes) else {f"sample{side}": photo.source}


def _photo_controls(side: int, photos: Photos) -> None:
    """What is chosen of A, or of B."""
    state, photo, name = st.session_state, photos[side], "AB"[side]
    keys = {what: f"compare_{what}{SIDES[side]}" for what in ("photo", "size")}
    names = [*([SAME] if side else []), *PHOTOS]
    same = side == 1 and photo.source == photos[0].source
    state[keys["photo"]] = SAME if same else photo.source if isinstance(photo.source, str) else None
    state[keys["size"]] = size_name(photo.size)

    def change(**changes: object) -> None:
        write_pair_of_photos(_changed(photos, side, replace(photo, **changes)))  # type: ignore[arg-type]  # fields

    def take_photo() -> None:
        if (chosen := state[keys["photo"]]) is not None:
            change(source=photos[0].source if chosen == SAME else chosen)

    sizes = photo_sizes(photo.model)[0]
    st.pills(
        f"Photo {name}",
        names,
        key=keys["photo"],
        on_change=take_photo,
        help="A sample; or upload your own below." + (" The same as A is for two models, or to paint over." * side),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Size",
            [size_name(size) for size in sizes],
            key=keys["size"],
            width=130,
            on_change=lambda: change(size={size_name(size): size for size in sizes}[state[keys["size"]]]),
            help="Pixels of the photo's short side; more make finer patches.",
        )
        with st.popover(f"Your own {name}", help="A photo of your own, from this device."):
            upload_field("Drop it, or paste onto the field", f"compare_file{SIDES[side]}", SESSIONS[side])
        paint_control(SIDES[side], name, photo, lambda rectangle: change(painted=rectangle))
