"""A page of another origin in a real browser: it may link to Headlens, and nothing else."""

import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, Response

FETCH = "(url) => fetch(url, {mode: 'no-cors', credentials: 'include'}).then(() => 'reached', () => 'refused')"
SCRIPT = """(url) => new Promise((done) => {
    const script = document.createElement("script");
    script.src = url;
    script.type = "module";
    script.onload = () => done("reached");
    script.onerror = () => done("refused");
    document.head.append(script);
})"""
SOCKET = """(url) => new Promise((done) => {
    const socket = new WebSocket(url);
    socket.onopen = () => done("reached");
    socket.onerror = () => done("refused");
})"""


class Stranger(BaseHTTPRequestHandler):
    """Any page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>stranger</title><iframe></iframe><a>a link</a>")

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A page of another origin on this machine: any site that a visitor has open beside Headlens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stranger)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}")
    yield page
    context.close()
    server.shutdown()


def test_it_cannot_ask_the_server_for_anything(stranger: Page, address: str) -> None:
    answers: list[Response] = []
    stranger.on("response", lambda answer: answers.append(answer))
    assert stranger.evaluate(SCRIPT, f"{address}/headlens/explorer.js") == "refused"
    assert stranger.evaluate(SOCKET, f"{address.replace('http', 'ws')}/_stcore/stream") == "refused"
    stranger.evaluate(FETCH, f"{address}/_stcore/health")
    assert [answer.status for answer in answers if answer.url == f"{address}/_stcore/health"] == [403]


def test_it_cannot_frame_the_page(stranger: Page, address: str) -> None:
    with stranger.expect_response(lambda answer: answer.frame.parent_frame is not None) as waiting:
        stranger.evaluate("(url) => { document.querySelector('iframe').src = url; }", address)
    assert waiting.value.status == 403  # what is let in shows nothing yet: its status tells at once
    waiting.value.finished()
    (_, frame) = stranger.frames
    frame.wait_for_load_state()
    assert frame.locator(".stApp").count() == 0
    assert "Headlens" not in frame.title()


def test_its_link_leads_here(stranger: Page, address: str) -> None:
    stranger.evaluate("(url) => { document.querySelector('a').href = url; }", address)
    stranger.click("a")
    stranger.wait_for_selector(".hl[data-painted]", timeout=60_000)


@pytest.mark.parametrize("path", ["/", "/headlens/explorer.js", "/_stcore/health", "/nowhere"])
def test_every_answer_says_that_it_is_not_to_be_framed(path: str, address: str) -> None:
    with urlopen(address + path) as answer:
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"


def test_a_refusal_says_why(address: str) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(address, headers={"Origin": "http://evil.example"}))
    assert refused.value.code == 403
    assert refused.value.read().decode() == "Another site asked for this; open Headlens by its own address."


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 101), ("localhost", 101), ("evil.example", 403)])
def test_a_name_of_a_stranger_s_that_leads_here_opens_no_session(host: str, status: int, address: str) -> None:
    """DNS rebinding makes a stranger's page one of this origin: its name gives it away."""
    port = int(address.rsplit(":", 1)[1])
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    own = f"{host}:{port}"
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "c2l4dGVlbiBieXRlcyEhIQ=="}
    connection.request("GET", "/_stcore/stream", headers={"Host": own, "Origin": f"http://{own}", **upgrade, **key})
    assert connection.getresponse().status == status
    connection.close()


@pytest.mark.parametrize("path", ["/", "/headlens/explorer.js", "/_stcore/metrics", "/_stcore/upload_file/a/b"])
def test_a_name_of_a_stranger_s_that_leads_here_is_given_nothing(path: str, address: str) -> None:
    connection = HTTPConnection("127.0.0.1", int(address.rsplit(":", 1)[1]), timeout=10)
    connection.request("GET", path, headers={"Host": "evil.example"})
    assert connection.getresponse().status == 403
    connection.close()
