"""Which photo the page Image shows, at which size: what was given, what the address asks for, and what is refused."""

from dataclasses import dataclass, replace

import streamlit as st

from headlens.model.errors import InputError
from headlens.model.inputs.image import Size
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages import parts
from headlens.viz.pages.runtime import get_model

MODEL = "dinov2-focus"
FIRST = "Coffee"
DEFAULT_SIZE = "448"
OWN_SIZE = "as trained"  # of other models: what their image processor makes
QUESTION = "What is in this picture?"
SIZES: dict[str, Size | None] = {
    "224": 224,
    "336": 336,
    "448": 448,
    "672": 672,
    "1036": 1036,
    "letterboxed": "letterbox",
    OWN_SIZE: None,
}


@dataclass(frozen=True)
class PhotoRequest:
    """What is to be seen: the photo (a sample's name, or the bytes of this session's own), and how."""

    model: str
    source: str | bytes
    size: str
    text: str | None  # of models that read one behind the photo

    @property
    def sizes(self) -> list[str]:
        """The names of SIZES that the model has."""
        own = self.model == MODEL
        return [size for size in SIZES if size not in ((OWN_SIZE,) if own else ("letterboxed",))]

    @property
    def default_size(self) -> str:
        return DEFAULT_SIZE if self.model == MODEL else OWN_SIZE

    @property
    def content(self) -> bytes:
        """The bytes of the photo's file."""
        return PHOTOS[self.source].read() if isinstance(self.source, str) else self.source


def _asked(model: str) -> PhotoRequest:
    """What the address asks for."""
    params, state = st.query_params, st.session_state
    reads_text = get_model(model).description.kind == "image-text"
    text = (params.get("text") or QUESTION) if reads_text else None
    source = params.get("sample", FIRST)
    asked = PhotoRequest(model, source if source in PHOTOS else FIRST, "", text)
    if "own" in params and "image_own" in state:
        asked = replace(asked, source=state.image_own)
    size = params.get("size", asked.default_size)
    return replace(asked, size=size if size in asked.sizes else asked.default_size)


def choose(model: str) -> PhotoRequest:
    """What was given last, else what the address asks for; what cannot be read is refused."""
    state = st.session_state
    asked = _asked(model)
    candidate = state.pop("image_candidate", None)
    if candidate is not None and _readable(replace(asked, source=candidate)):
        state.image_own = candidate
        change_address(own="1", sample=None)
        return replace(asked, source=candidate)
    if "own" in st.query_params and "image_own" not in state:
        st.info("The photo of this link is not in it, and left when its page was closed; this is a sample.")
    if _readable(asked):
        return asked
    # A size may make too many patches of this photo: the largest one that does not is shown.
    smaller = [name for name in asked.sizes if name.isdigit() and asked.size.isdigit() and int(name) < int(asked.size)]
    others = [replace(asked, size=name) for name in reversed(smaller)]
    fitting = next((each for each in others if _refusal(each) is None), replace(asked, size=asked.default_size))
    st.info(f"The photo is shown at {fitting.size} instead.")
    change_address(size=None if fitting.size == asked.default_size else fitting.size)
    return fitting


def _readable(asked: PhotoRequest) -> bool:
    """Whether it can be recorded; else the page says why not."""
    if (refusal := _refusal(asked)) is not None:
        st.error(parts.plain(refusal))
    return refusal is None


def _refusal(asked: PhotoRequest) -> str | None:
    """Why it cannot be recorded, or None."""
    state = st.session_state
    if state.get("image_good") == (asked.model, asked.source, asked.size):
        return None
    try:
        get_model(asked.model).read(asked.content, SIZES[asked.size])
    except InputError as error:
        return str(error)
    state.image_good = (asked.model, asked.source, asked.size)
    return None


def change_address(**changes: str | None) -> None:
    """Another photo or size: the rest of the address goes, but for what stays true of any photo."""
    kept = parts.only("model", "text", "sample", "own", "size")
    st.query_params.from_dict({name: value for name, value in (kept | changes).items() if value is not None})
