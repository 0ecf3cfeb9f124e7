"""`headlens app`: the pages and their server."""

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

SETTINGS = Path(__file__).parents[1] / "server" / "streamlit.toml"  # in a checkout a link to .streamlit/config.toml


def app(
    port: Annotated[int, typer.Option(metavar="NUMBER", help="To listen on; this one, or the next free one.")] = 8501,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; by default this machine alone.")
    ] = "127.0.0.1",
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name of this server that it answers to beside localhost, for a proxy before it; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start the pages and print their address."""
    start_app(server_options(host, port, allow or []))


def server_options(host: str, port: int, names: Sequence[str]) -> dict[str, object]:
    """The settings of the server by their names, "server.address".

    Args:
        host: address to listen on; it is also a name that the server answers to.
        port: to listen on.
        names: other names that it answers to.
    """
    text = SETTINGS.read_text(encoding="utf-8")
    if text.startswith("../"):  # Git for Windows may write a link as a file that says where it leads
        text = (SETTINGS.parent / text.strip()).read_text(encoding="utf-8")
    options = dict(_flattened(tomllib.loads(text)))
    own_names = options["server.allowedHosts"]
    assert isinstance(own_names, list)
    options["server.allowedHosts"] = list(dict.fromkeys([*own_names, host, *names]))
    return options | {"server.address": host, "server.port": port}


def start_app(options: Mapping[str, object]) -> None:
    """Serve the pages until the process is ended."""
    from streamlit.web.cli import main as streamlit

    from headlens.viz.server.asgi import START

    flags = [
        f"--{name}={_flag_text(value)}"
        for name, values in options.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    sys.exit(streamlit(["run", str(START / "app.py"), *flags], prog_name="headlens"))


def _flattened(settings: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _flattened(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _flag_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
