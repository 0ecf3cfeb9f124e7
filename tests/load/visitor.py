"""A visitor without a browser, who speaks Streamlit's protocol over a raw websocket as its page does."""

import json
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.viz.explorer.payloads import Payload, unpack

SECONDS = 120  # for any one answer; only a server that hangs takes so long
ENDED_WELL = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


@dataclass(frozen=True)
class Element:
    """An element that has state: its id, and the fragment that it reruns."""

    id: str
    fragment: str


@dataclass
class Seen:
    """What one answer has brought, until its run ended."""

    explorers: list[bytes] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def payload(self) -> Payload:
        """What the explorer shows now."""
        return unpack(self.explorers[-1])


class Visitor:
    """One open tab.

    Args:
        url: of the server.
        page: "" or "image".
        query: the address after its "?".
        on_payload: is called with each message as it came, in bytes.
        session: of a tab whose connection was lost.
    """

    def __init__(
        self,
        url: str,
        page: str = "",
        query: str = "",
        on_payload: Callable[[bytes], object] = len,
        session: str = "",
    ) -> None:
        self.url, self.page, self.query, self.on_payload, self.session = url, page, query, on_payload, session
        self.elements: dict[str, Element] = {}  # by the key that the page gives them
        self._states: dict[str, WidgetState] = {}
        self._file: FileURLs | None = None
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=SECONDS) as answer:
            cookies = answer.headers.get_all("Set-Cookie") or []
        cookie = next(each.partition(";")[0] for each in cookies if each.startswith("_streamlit_xsrf="))
        self._headers = {"Cookie": cookie, "Origin": url}
        self._xsrf = cookie.partition("=")[2].strip('"')
        self._open = ExitStack()
        connection = connect(
            f"ws://{urlsplit(url).netloc}/_stcore/stream",
            origin=Origin(url),
            additional_headers={"Cookie": cookie},
            subprotocols=[Subprotocol(each) for each in ("streamlit", self._xsrf, session) if each],
            compression=None,
            max_size=None,
            open_timeout=SECONDS,
        )
        self._socket = self._open.enter_context(connection)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the tab."""
        self._open.close()

    def again(self) -> "Visitor":
        """The same tab, after it has connected once more."""
        back = Visitor(self.url, self.page, self.query, self.on_payload, self.session)
        back.elements, back._states, back._file = self.elements, self._states, self._file
        return back

    def ask(self, fragment: str = "", trigger: WidgetState | None = None) -> None:
        """Have the page run, or one fragment of it, with all that has been set here."""
        state = ClientState(query_string=self.query, page_name=self.page, fragment_id=fragment)
        state.widget_states.widgets.extend(self._states.values())
        if trigger is not None:
            state.widget_states.widgets.append(trigger)
        self._send(BackMsg(rerun_script=state))

    def see(self, seconds: float = SECONDS, until: Callable[[Seen], bool] = lambda seen: False) -> Seen:
        """What comes until the run has ended well, or until what has come is enough."""
        started, seen = time.perf_counter(), Seen()
        while not until(seen):
            message = self._receive(started + seconds - time.perf_counter())
            self._note(message, seen)
            if message.WhichOneof("type") == "script_finished" and message.script_finished in ENDED_WELL:
                break
        seen.seconds = time.perf_counter() - started
        return seen

    def look(self, query: str | None = None) -> Seen:
        """Open an address, or run the page again, and wait for all of it."""
        self.query = self.query if query is None else query
        self.ask()
        return self.see()

    def pin(self, **view: object) -> None:
        """Ask for another view, as the element's setStateValue does."""
        element = self.elements[f"{self.page or 'text'}_explorer"]
        message = json.dumps({"view": {**view, "at": time.time_ns()}})
        self._states[element.id] = WidgetState(id=element.id, json_value=message)
        self.ask(element.fragment)

    def want_more(self, recording_id: str) -> None:
        """Ask for what the first picture left out, as the element's setTriggerValue does."""
        element = self.elements[f"{self.page or 'text'}_explorer"]
        message = json.dumps([{"event": "more", "value": recording_id}])
        events = f"$$STREAMLIT_INTERNAL_KEY_{element.id}__events"
        self.ask(element.fragment, WidgetState(id=events, json_trigger_value=message))

    def upload(self, content: bytes, name: str = "photo.png") -> None:
        """Send a photo, and have the page run with it."""
        request = BackMsg()
        request.file_urls_request.request_id = "upload"
        request.file_urls_request.session_id = self.session
        request.file_urls_request.file_names.append(name)
        self._send(request)
        while (message := self._receive(SECONDS)).WhichOneof("type") != "file_urls_response":
            self._note(message, Seen())
        urls = message.file_urls_response.file_urls[0]
        boundary = "headlens-photo"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
        self._http("PUT", urls.upload_url, body, f"multipart/form-data; boundary={boundary}")
        uploader = self.elements["image_file"].id
        state = WidgetState(id=uploader)
        state.file_uploader_state_value.uploaded_file_info.add(
            name=name, size=len(content), file_id=urls.file_id, file_urls=urls
        )
        before, self._file, self._states[uploader] = self._file, urls, state
        self.ask()
        if before is not None:
            self._http("DELETE", before.delete_url)

    def get(self, path: str) -> bytes:
        """What the server has under a path."""
        return self._http("GET", path)

    def _http(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
        headers = {**self._headers, "X-Xsrftoken": self._xsrf} | ({"Content-Type": kind} if kind else {})
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read()

    def _send(self, message: BackMsg) -> None:
        self._socket.send(message.SerializeToString())

    def _receive(self, seconds: float) -> ForwardMsg:
        raw = self._socket.recv(max(0.0, seconds))
        assert isinstance(raw, bytes)
        self.on_payload(raw)
        return ForwardMsg.FromString(raw)

    def _note(self, message: ForwardMsg, seen: Seen) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.session = message.new_session.initialize.session_id or self.session
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._note_element(message.delta, seen)

    def _note_element(self, delta: Any, seen: Seen) -> None:
        name = delta.new_element.WhichOneof("type")
        element = getattr(delta.new_element, name)
        assert name != "exception", f"{element.type}: {element.message}"
        if getattr(element, "id", ""):
            _, _, key = element.id[2:].split("-", 2)  # $$ID-hash-key
            self.elements[key] = Element(element.id, delta.fragment_id)
        if name == "bidi_component":
            seen.explorers.append(element.bytes)
        elif name == "progress":
            seen.progress.append(element.text)
        elif name == "alert":
            seen.alerts.append(element.body)
