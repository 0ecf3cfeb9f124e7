"""Which photo the page Image shows, and at which size: its controls, what the address asks for, and what is refused."""

from dataclasses import dataclass, replace

import streamlit as st

from headlens.model.analysis.joint import last_word
from headlens.model.inputs.image import ImageInput, Size
from headlens.model.inputs.image_file import ImageSource, open_image, range_used
from headlens.model.inputs.paint import Rectangle, painted
from headlens.model.progress import OnLayer
from headlens.model.protocol import CAPTION_TOKENS, CaptionModel, ImageTextModel
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.address import address_parts, tokens_in_address
from headlens.viz.inputs.models import photo_model, photo_sizes
from headlens.viz.inputs.samples import FIRST_PHOTO, PHOTOS, PhotoSample
from headlens.viz.inputs.session import InputSession
from headlens.viz.pages.runtime import RecordingRequest, record
from headlens.viz.view.address import OF_THE_MODEL, SWITCHES
from headlens.viz.view.view import View

TYPES = ["jpg", "jpeg", "png", "webp", "gif", "tif", "tiff", "bmp", "avif"]
MAX_MEGABYTES = 25
MOST_TOKENS = 200  # of a caption
QUESTION = "What is in this picture?"
NAMES: dict[Size | None, str] = {"letterbox": "letterboxed", None: "as trained"}  # of sizes that are no number


def size_name(size: Size | None) -> str:
    """What the page and its address call a size."""
    return NAMES.get(size, str(size))


@dataclass(frozen=True)
class PhotoRequest:
    """A photo that a model is to read: a sample's name, or the bytes of this session's own."""

    model: str
    source: str | bytes
    size: Size | None  # one that the model offers
    text: str | None = None  # of models that read one behind the photo
    stretch: bool = True  # whether 16-bit greyscale is stretched to the range that it uses
    tokens: int | None = None  # that a model writes of the photo at most; None of one that writes nothing of it
    painted: Rectangle | None = None  # what is painted over

    @property
    def content(self) -> bytes:
        """The bytes of the photo's file."""
        return PHOTOS[self.source].read() if isinstance(self.source, str) else self.source

    @property
    def photo(self) -> ImageSource:
        """What the model is given: the file, or where it is not to be read as it is the picture in it."""
        if self.stretch and self.painted is None:
            return self.content
        image = open_image(self.content, stretch=self.stretch)
        return image if self.painted is None else painted(image, self.painted)

    @property
    def sample(self) -> PhotoSample | None:
        """The sample that it is."""
        return PHOTOS[self.source] if isinstance(self.source, str) else None

    @property
    def link(self) -> str:
        """What the page says of its address."""
        return "Your photo is not in this link." if self.sample is None else "This link opens what you see."

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        photo = '(HERE / "photo").read_bytes()'
        imports = []
        if not self.stretch or self.painted is not None:
            photo = f"open_image({photo}{'' if self.stretch else ', stretch=False'})"
            imports = ["from headlens.model.inputs.image_file import open_image"]
        if self.painted is not None:
            photo = f"painted({photo}, {self.painted!r})"
            imports.append("from headlens.model.inputs.paint import Rectangle, painted")
        text = "" if self.text is None else f"{self.text!r}, "
        count = "" if self.tokens is None else f", count={self.tokens}"
        return Call(f"model.record({photo}, {text}{self.size!r}{count})", {"photo": self.content}, "\n".join(imports))

    def read(self) -> ImageInput:
        """The pixels and patches. Raises InputError for a photo that cannot be read, or not at this size."""
        return photo_model(self.model).read(self.photo, self.size)

    def record(self) -> RecordingRequest:
        """The recording of the photo. Raises what the run raises."""
        text = () if self.text is None else (self.text.encode("utf-8", "surrogatepass"),)
        parameters = size_name(self.size) + ("" if self.stretch else " full range")
        parameters += "" if self.tokens is None else f" write {self.tokens}"
        parameters += "" if self.painted is None else f" {self.painted}"
        everybodys = self.sample is not None and self.sample.model == self.model and self.painted is None
        return record(self.model, (self.content, *text), parameters, run=self._run, sample=everybodys)

    def start(self, recording: Recording) -> View:
        """Where the page starts: the sample's own view, or the last word of what was written of the photo."""
        if recording.grid is None or recording.stage == "cross":
            last = recording.num_tokens - 1 if recording.grid is None else last_word(recording)
            return View(recording.num_layers // 2, 0, query=last, matrix=recording.grid is None)
        first = self.sample or PHOTOS[FIRST_PHOTO]
        rows, columns = recording.grid
        row, column = int(first.position[0] * rows), int(first.position[1] * columns)
        patch = recording.prefix_tokens + row * columns + column
        if recording.model.name == first.model:
            return View(first.layer, first.head, query=patch)
        last_of_text = recording.prefix_tokens - 1
        reads_text = self.text is not None and recording.stage == "decoder"
        return View(recording.num_layers // 2, 0, query=last_of_text if reads_text else patch)

    def _run(self, on_layer: OnLayer) -> Recording:
        """What is written is shown as it grows."""
        model = photo_model(self.model)
        if isinstance(model, CaptionModel):
            assert self.tokens is not None
            written = st.empty()
            return model.record(self.photo, self.size, count=self.tokens, on_token=written.text, on_layer=on_layer)
        if isinstance(model, ImageTextModel):
            assert self.text is not None
            return model.record(self.photo, self.text, self.size, on_layer=on_layer)
        return model.record(self.photo, self.size, on_layer=on_layer)


SESSION = InputSession[bytes, PhotoRequest]("image")


def choose_photo(model: str) -> PhotoRequest:
    """The last upload, else what the address asks for; what cannot be read is refused."""
    request, candidate = _request_in_address(model), SESSION.take_candidate()
    if candidate is not None and SESSION.readable(replace(request, source=candidate)):
        SESSION.own = candidate
        change_address(own="1", sample=None, range=None)
        return replace(request, source=candidate)
    if "own" in st.query_params and SESSION.own is None:
        st.info("The photo of this link is not in it, and went when its page was closed; this is a sample.")
    return request if SESSION.readable(request) else _at_a_size_that_fits(request)


def _request_in_address(model: str) -> PhotoRequest:
    params, own = st.query_params, SESSION.own
    source: str | bytes = params.get("sample", FIRST_PHOTO)
    if "own" in params and own is not None:
        source = own
    elif source not in PHOTOS:
        source = FIRST_PHOTO
    sizes, default = photo_sizes(model)
    names = {size_name(size): size for size in sizes}
    reader = photo_model(model)
    return PhotoRequest(
        model,
        source,
        size=names.get(params.get("size", ""), default),
        text=(params.get("text") or QUESTION) if isinstance(reader, ImageTextModel) else None,
        stretch=params.get("range") != "full",
        tokens=tokens_in_address(CAPTION_TOKENS, MOST_TOKENS) if isinstance(reader, CaptionModel) else None,
    )


def _at_a_size_that_fits(request: PhotoRequest) -> PhotoRequest:
    """A size may make too many patches of this photo: the largest one that does not, and the page says so."""
    sizes, default = photo_sizes(request.model)
    fitting = replace(request, size=default)
    for size in reversed(sizes):
        if isinstance(size, int) and isinstance(request.size, int) and size < request.size:
            smaller = replace(request, size=size)
            if SESSION.refusal(smaller) is None:
                fitting = smaller
                break
    st.info(f"The photo is shown at {size_name(fitting.size)} instead.")
    change_address(size=None if fitting.size == default else size_name(fitting.size))
    return fitting


def change_address(*, kept: tuple[str, ...] = OF_THE_MODEL, **changes: str | None) -> None:
    """Another photo, size or range: the rest of the address goes, but for what stays true.

    Args:
        kept: of what is chosen in the explorer.
        changes: parameters and their values; None: it goes.
    """
    parameters: dict[str, str | None] = {
        **address_parts("model", "text", "sample", "own", "size", "range", "tokens", "labels", *kept),
        **changes,
    }
    st.query_params.from_dict({name: value for name, value in parameters.items() if value is not None})


def photo_controls(request: PhotoRequest) -> None:
    """Drawn before the recording is made: while it is, another photo or size can be chosen."""
    state, (sizes, default) = st.session_state, photo_sizes(request.model)
    state.image_sample = request.source if isinstance(request.source, str) else None
    state.image_size = size_name(request.size)
    labels = {size_name(None): "as the model reads it"} if photo_model(request.model).has_own_processor else {}
    if request.text is not None:
        state.image_text = request.text
        st.text_input(
            "Text after the photo",
            key="image_text",
            max_chars=2_000,
            on_change=_take_text,
            help="The model reads the photo, then this; its words are chips below the photo, and look at its patches.",
        )
    if request.tokens is not None:
        state.image_tokens = request.tokens
        st.number_input(
            "Tokens",
            1,
            MOST_TOKENS,
            key="image_tokens",
            on_change=_take_tokens,
            width=130,
            help="How many the model writes of the photo at most. Each is the most probable one, so that a link shows "
            "the same again.",
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
        [size_name(size) for size in sizes],
        format_func=lambda name: labels.get(name, name),
        key="image_size",
        on_change=_take_size,
        args=(size_name(default),),
        width=220 if labels else 150,
        help="Pixels of the photo's short side: more make finer patches and take longer. Letterboxed: fitted into "
        "224 x 224, which the saliency map was trained on. As the model reads it: by its own image processor, which "
        "may cut the photo.",
    )
    upload_field("Your own photo: drop it, or paste onto the field", "image_file", SESSION)
    with st.popover("Take a photo", help="With this device's camera."):
        if st.toggle("Camera on", key="image_camera_on", help="The camera is used only while this is on."):
            st.camera_input(
                "Camera",
                key="image_camera",
                on_change=_take_upload,
                args=("image_camera", SESSION),
                help="The photo stays on this machine.",
            )


def upload_field(label: str, key: str, session: InputSession[bytes, PhotoRequest]) -> None:
    """A field for a photo's file, which the session is offered.

    Args:
        label: of the field.
        key: of the widget.
        session: whose input it becomes.
    """
    st.file_uploader(
        label,
        type=TYPES,
        max_upload_size=MAX_MEGABYTES,
        key=key,
        on_change=_take_upload,
        args=(key, session),
        help=f"It stays on this machine. At most {MAX_MEGABYTES} MB and 40 million pixels, up to 4 times as long as "
        "wide.",
    )


def range_control(request: PhotoRequest) -> None:
    """That a 16-bit photo was stretched to the range that it uses, and a switch for it; nothing for other photos."""
    if isinstance(request.source, str) or (used := range_used(request.source)) is None:
        return
    st.session_state.image_stretch = request.stretch
    st.toggle(
        f"16-bit greyscale that uses {used[0]:,} to {used[1]:,} of 65,535: stretched from black to white",
        key="image_stretch",
        on_change=_take_stretch,
        help="Off: 0 is black and 65,535 is white, as the file says.",
    )


def _take_stretch() -> None:
    change_address(range=None if st.session_state.image_stretch else "full")


def _take_sample() -> None:
    if (name := st.session_state.image_sample) is not None:
        # It opens on a head of its own.
        change_address(sample=None if name == FIRST_PHOTO else name, own=None, range=None, kept=SWITCHES)


def _take_text() -> None:
    change_address(text=st.session_state.image_text.strip() or None)


def _take_tokens() -> None:
    tokens = st.session_state.image_tokens
    change_address(tokens=None if tokens == CAPTION_TOKENS else str(tokens))


def _take_size(default: str) -> None:
    size = st.session_state.image_size
    change_address(size=None if size == default else size)


def _take_upload(key: str, session: InputSession[bytes, PhotoRequest]) -> None:
    """The file of an uploader is to be shown, if it can be; a browser refuses larger ones, another program may not."""
    if (file := st.session_state[key]) is not None and file.size <= MAX_MEGABYTES * 2**20:
        session.offer(file.getvalue())
