"""What the page loads besides Streamlit's own files, asked for as a server asks."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote

import plotly
import pytest
from starlette.applications import Starlette

from headlens.viz.explorer import element
from headlens.viz.server.routes import ROUTES, VERSION

MODULES = sorted((Path(element.__file__).parent / "js").glob("*.js"))


def get(path: str, query: str = "") -> tuple[int, dict[str, str], bytes]:
    """The status, headers and body of the answer to one request."""
    sent: list[dict] = []

    async def receive() -> dict:
        return await asyncio.get_running_loop().create_future()  # the visitor stays, and says no more

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": unquote(path),  # as uvicorn hands it on
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [],
        "root_path": "",
    }
    # In a thread of its own: the browser tests may have left an event loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(Starlette(routes=ROUTES)(scope, receive, send))).result()
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def test_plotly_comes_from_the_installed_wheel() -> None:
    status, headers, body = get("/headlens/plotly.min.js")
    assert status == 200
    assert headers["content-type"].startswith("text/javascript")
    assert "max-age" in headers["cache-control"]
    same = body == (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()
    assert same  # pytest would take long to tell two such files apart
    assert plotly.__version__ == VERSION


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_module_is_served(module: Path) -> None:
    status, headers, body = get(f"/headlens/{module.name}")
    assert status == 200
    assert headers["content-type"].startswith("text/javascript")
    assert headers["cache-control"] == "no-cache"
    assert body == module.read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "unknown.js",
        "..%2fexplorer.py",
        "..%2f..%2f..%2fapp.js",
        "..%2fjs%2fexplorer.js",
        "%2e%2e%2fjs%2fexplorer.js",
        "..js",
        ".js",
        "explorer.py",
        "explorer%00.js",
        "a" * 5000 + ".js",
        "",
    ],
)
def test_nothing_else_is(name: str) -> None:
    assert get(f"/headlens/{name}")[0] == 404


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_import_what_there_is(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    for names, other in re.findall(r'^import \{([^}]*)\} from "\./([^"]+)";$', source, re.MULTILINE):
        exported = re.findall(
            r"^export (?:async )?(?:function|class|const) (\w+)", (module.parent / other).read_text(), re.MULTILINE
        )
        assert {name.strip() for name in names.split(",")} <= set(exported)
    assert len(re.findall(r"^import\b|\bimport\(", source, re.MULTILINE)) == len(
        re.findall(r'^import \{[^}]*\} from "\./', source, re.MULTILINE)
    )


@pytest.mark.parametrize("name", ["explorer", "compared"])
def test_the_elements_load_modules_that_are_served(name: str) -> None:
    (path,) = re.findall(r'new URL\("([^"]+)"', element.LOADER.replace("{name}", name))
    assert get(f"/{path}")[0] == 200
    assert "export default function" in get(f"/{path}")[2].decode()


def test_the_first_page_has_its_address_at_the_root() -> None:
    for query, target in (("", "./"), ("text=hi&x=%22", "./?text=hi&x=%22")):
        status, headers, _ = get("/text", query)
        assert (status, headers["location"]) == (307, target)
