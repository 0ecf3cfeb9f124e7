"""What stands before all that is served: pages of strangers may neither frame Headlens nor ask it for anything."""

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

UNKNOWN_NAME = "Headlens does not answer to this name; server.allowedHosts lists those that it answers to."
REFUSED = "Another site asked for this; open Headlens by its own address."
HEADERS = {
    # Scripts in the page are Streamlit's; with this, whatever got into it could still send nothing elsewhere.
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # the address holds what was typed
}


class Guard:
    """ASGI middleware: refuses what another origin asks for, but for a link to the page, and sets HEADERS.

    What reaches the server by a name that is not among the hosts is refused too: Streamlit refuses only its websocket.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Sequence[str]] = list) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif not is_own_name(Headers(scope=scope).get("host", ""), self._hosts()):
            await _refuse(UNKNOWN_NAME, scope, receive, send)
        elif is_own_request(Headers(scope=scope), scope.get("method", "GET")):
            await self._app(scope, receive, _with_headers(send))
        else:
            await _refuse(REFUSED, scope, receive, send)


async def _refuse(why: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # before it is accepted: 403
    else:
        await PlainTextResponse(why, status_code=403)(scope, receive, send)


def is_own_name(host: str, names: Sequence[str]) -> bool:
    """Whether a Host header holds one of the names, as server.allowedHosts has them: "*.a.b" is all below a.b.

    No names at all are all names, as "*" is.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return not names
    allowed = [each.strip().lower().rstrip(".") for each in names]
    below = any(each.startswith("*.") and name.endswith(each[1:]) for each in allowed)
    return not allowed or "*" in allowed or name in allowed or below


def is_own_request(headers: Headers, method: str) -> bool:
    """Whether a request comes from a page of this server, from no page at all, or is a link that someone followed.

    Browsers say so in Origin and, of reading too, in Sec-Fetch-Site (W3C Fetch Metadata); other programs, which no site
    can bring to send a stranger's cookies, need not.
    """
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        return False
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return True
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return is_link and method == "GET"


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return sending
