"""What one page remembers of a visitor's input from run to run: the same for a text, a prompt and a photo."""

from typing import Generic, Protocol, TypeVar

import streamlit as st

from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.messages import show_error
from headlens.viz.pages.runtime import RecordingRequest
from headlens.viz.view.view import View


class Readable(Protocol):
    """What a model is to read."""

    def read(self) -> object:
        """The input as the model reads it. Raises InputError for one that it cannot read."""


class InputRequest(Readable, Protocol):
    """An input that is to be shown, and the model that reads it."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def link(self) -> str:
        """What the page says of its address."""

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""

    def record(self) -> RecordingRequest:
        """The recording of it. Raises what the run raises."""

    def start(self, recording: Recording) -> View:
        """Where the page starts on that recording, or on one of its stages."""


Content = TypeVar("Content")
Request = TypeVar("Request", bound=Readable)


class InputSession(Generic[Content, Request]):
    """The input of one page, in the visitor's session.

    A control offers a candidate, and the page's next run takes it. If the model can read it, it becomes the visitor's
    own input; if not, the page says why, and goes on showing the input before.

    Args:
        page: names the page's own part of the session.
        of: before what is refused, "A: " of two.
    """

    def __init__(self, page: str, *, of: str = "") -> None:
        self._page, self._of = page, of

    def offer(self, candidate: Content) -> None:
        """To be shown in the next run."""
        st.session_state[f"{self._page}_candidate"] = candidate

    def take_candidate(self) -> Content | None:
        """What was offered since the last run."""
        candidate: Content | None = st.session_state.pop(f"{self._page}_candidate", None)
        return candidate

    @property
    def own(self) -> Content | None:
        """What this visitor brought last: an address holds only that there is something."""
        content: Content | None = st.session_state.get(f"{self._page}_own")
        return content

    @own.setter
    def own(self, content: Content) -> None:
        st.session_state[f"{self._page}_own"] = content

    @property
    def last(self) -> Request | None:
        """The last request that could be read."""
        request: Request | None = st.session_state.get(f"{self._page}_last")
        return request

    def refusal(self, request: Request) -> str | None:
        """Why the model cannot read it; None where it can."""
        if self.last == request:
            return None
        try:
            request.read()
        except InputError as error:
            return str(error)
        st.session_state[f"{self._page}_last"] = request
        return None

    def readable(self, request: Request) -> bool:
        """Whether the model can read it; else the page says why not."""
        refusal = self.refusal(request)
        if refusal is not None:
            show_error(refusal, of=self._of)
        return refusal is None


def fill_fields(page: str, values: dict[str, object]) -> None:
    """Write another input into its fields, by their keys; what was typed and refused stays in them, to be corrected."""
    state = st.session_state
    changed = state.get(f"{page}_shown") != values
    state[f"{page}_shown"] = values
    for key, value in values.items():
        if changed or key not in state:  # Streamlit forgets the fields of a page that was left
            state[key] = value
