"""Who may ask the server for something, by the headers that browsers send (W3C Fetch Metadata, RFC 6454)."""

import pytest
from starlette.datastructures import Headers

from headlens.viz.server.guard import is_own_name, is_own_request

HOST = {"host": "headlens.example:8501"}
LINK = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({}, "GET"),  # curl
        ({"origin": "http://headlens.example:8501"}, "GET"),  # the page's websocket
        ({"origin": "https://headlens.example:8501", "sec-fetch-site": "same-origin"}, "PUT"),  # behind TLS
        ({"sec-fetch-site": "same-origin", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}, "GET"),
        ({"sec-fetch-site": "none", **LINK}, "GET"),  # typed into the address bar
        ({"sec-fetch-site": "cross-site", **LINK}, "GET"),  # a link in a mail
        ({"sec-fetch-site": "same-site", **LINK}, "GET"),
    ],
)
def test_what_its_own_page_asks_for_and_a_link_to_it(headers: dict[str, str], method: str) -> None:
    assert is_own_request(Headers(HOST | headers), method)


@pytest.mark.parametrize(
    ("headers", "method"),
    [
        ({"origin": "http://evil.example"}, "GET"),
        ({"origin": "http://headlens.example"}, "GET"),  # another port is another origin
        ({"origin": "http://headlens.example:8501.evil.example"}, "GET"),
        ({"origin": "null"}, "GET"),  # a sandboxed frame, a file
        ({"origin": ""}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, "GET"),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, "GET"),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, "GET"),
        ({"sec-fetch-site": "cross-site", **LINK}, "POST"),  # a form
        ({"sec-fetch-site": "cross-site", "origin": "http://headlens.example:8501"}, "GET"),
    ],
)
def test_what_another_site_asks_for(headers: dict[str, str], method: str) -> None:
    assert not is_own_request(Headers(HOST | headers), method)


@pytest.mark.parametrize(
    ("host", "names", "known"),
    [
        ("localhost:8501", ["localhost", "127.0.0.1"], True),
        ("127.0.0.1", ["localhost", "127.0.0.1"], True),
        ("LocalHost.:8501", ["localhost"], True),
        ("heads.a.example", ["*.a.example"], True),
        ("a.example", ["*.a.example"], False),
        ("evil.example:8501", ["localhost", "127.0.0.1"], False),
        ("localhost.evil.example", ["localhost"], False),
        ("localhost@evil.example", ["localhost"], False),
        ("", ["localhost"], False),
        ("[::1", ["localhost"], False),
        ("evil.example", [], True),
        ("evil.example", ["*"], True),
    ],
)
def test_the_names_that_it_answers_to(host: str, names: list[str], known: bool) -> None:
    assert is_own_name(host, names) == known
