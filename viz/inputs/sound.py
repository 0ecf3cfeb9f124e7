"""Which sound the page Sound shows: its controls, what the address asks for, and what is refused."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from headlens.model.inputs.sound import SoundInput
from headlens.model.inputs.sound_file import open_sound
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.address import address_parts
from headlens.viz.inputs.models import sound_model
from headlens.viz.inputs.session import InputSession
from headlens.viz.inputs.sound_samples import FIRST_SOUND, SOUNDS, sample_file
from headlens.viz.pages.runtime import RecordingRequest, record
from headlens.viz.view.address import OF_THE_MODEL
from headlens.viz.view.start import first_view
from headlens.viz.view.view import View

TYPES = ["wav", "flac"]
MAX_MEGABYTES = 25


@dataclass(frozen=True)
class SoundRequest:
    """A sound that a model is to read: a sample's name, or the bytes of this session's own."""

    model: str
    source: str | bytes

    @property
    def content(self) -> bytes:
        """The bytes of the sound's file."""
        return sample_file(self.source) if isinstance(self.source, str) else self.source

    @property
    def link(self) -> str:
        """What the page says of its address."""
        return "This link opens what you see." if isinstance(self.source, str) else "Your sound is not in this link."

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        return Call('model.record((HERE / "sound").read_bytes())', {"sound": self.content})

    def read(self) -> SoundInput:
        """What the model's feature extractor makes of it. Raises InputError for a sound that cannot be read."""
        return sound_model(self.model).read(self.content)

    def record(self) -> RecordingRequest:
        """The recording of the sound, and of what a model writes of it. Raises what the run raises."""

        def run(on_layer: OnLayer) -> Recording:
            return sound_model(self.model).record(self.content, on_layer, on_token=st.empty().text)

        return record(self.model, (self.content,), "sound", run=run)

    def start(self, recording: Recording) -> View:
        """At the first word that was written, or where the sound is loudest; in a layer in the middle."""
        heard = recording.photo is not None and not any(recording.segments)
        return first_view(recording, self._inside(recording) if heard else None)

    def _inside(self, recording: Recording) -> np.ndarray:
        """[position] bool: which on the spectrogram end before the sound does; those that begin it always count."""
        sound = open_sound(self.content, sound_model(self.model).seconds)
        times = np.array([float(name.split()[0]) for name in recording.tokens[recording.prefix_tokens :]])
        step = times[times > 0].min(initial=1)
        inside: np.ndarray = (times == 0) | (times + 2 * step <= len(sound.samples) / sound.rate)  # patches overlap
        return inside


SESSION = InputSession[bytes, SoundRequest]("sound")


def choose_sound(model: str) -> SoundRequest:
    """The last upload, else what the address asks for; what cannot be read is refused, and a sample shown."""
    request, candidate = _request_in_address(model), SESSION.take_candidate()
    if candidate is not None and SESSION.readable(replace(request, source=candidate)):
        SESSION.own = candidate
        _change_address(own="1")
        return replace(request, source=candidate)
    if "own" in st.query_params and SESSION.own is None:
        st.info("The sound of this link is not in it, and went when its page was closed; this is a sample.")
    if SESSION.readable(request):
        return request
    first = replace(request, source=FIRST_SOUND)
    if first == request or not SESSION.readable(first):
        st.stop()  # there is nothing that could be shown, and why is said
    return first


def _request_in_address(model: str) -> SoundRequest:
    params = st.query_params
    if "own" in params and SESSION.own is not None:
        return SoundRequest(model, SESSION.own)
    name = params.get("sample", FIRST_SOUND)
    return SoundRequest(model, name if name in SOUNDS else FIRST_SOUND)


def sound_controls(request: SoundRequest) -> None:
    """Drawn before the recording is made: while it is, another sound can be chosen."""
    state, seconds = st.session_state, sound_model(request.model).seconds
    state.sound_sample = request.source if isinstance(request.source, str) else None
    st.pills(
        "Samples",
        list(SOUNDS),
        key="sound_sample",
        on_change=_take_sample,
        help="Sounds of three seconds, made by formulas; speech or music of your own show more.",
    )
    st.file_uploader(
        "Your own sound: drop a .wav or .flac",
        type=TYPES,
        max_upload_size=MAX_MEGABYTES,
        key="sound_file",
        on_change=_take_upload,
        help=f"It stays on this machine. At most {MAX_MEGABYTES} MB; the model reads its first {seconds:.4g} seconds, "
        "mixed to one channel.",
    )


def play(request: SoundRequest) -> None:
    """The sound, to be heard."""
    st.audio(request.content, format="audio/flac" if request.content.startswith(b"fLaC") else "audio/wav")


def _change_address(**changes: str | None) -> None:
    """Another sound: the rest of the address goes, but for the model and what is chosen of it."""
    parameters: dict[str, str | None] = {**address_parts("model", *OF_THE_MODEL), **changes}
    st.query_params.from_dict({name: value for name, value in parameters.items() if value is not None})


def _take_sample() -> None:
    if (name := st.session_state.sound_sample) is not None:
        _change_address(sample=None if name == FIRST_SOUND else name)


def _take_upload() -> None:
    """A browser refuses larger files, another program may not."""
    if (file := st.session_state.sound_file) is not None and file.size <= MAX_MEGABYTES * 2**20:
        SESSION.offer(file.getvalue())
