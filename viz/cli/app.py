"""The command `headlens`."""

import argparse
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headlens.model import __version__
from headlens.viz.server.asgi import START

SETTINGS = Path(__file__).parent / "server" / "streamlit.toml"  # in a checkout a link to .streamlit/config.toml


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, by default those of the process."""
    parser = argparse.ArgumentParser("headlens", description="Where does each attention head of a transformer look?")
    parser.add_argument("--version", action="version", version=f"headlens {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    app = commands.add_parser("app", help="start the pages and print their address")
    app.add_argument("--port", type=int, default=8501, help="to listen on; 8501 by default, or the next free one")
    app.add_argument("--host", default="127.0.0.1", help="address to listen on; by default this machine alone")
    app.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="NAME",
        help="a name of this server that it answers to beside localhost, for a proxy before it; may be repeated",
    )
    options = parser.parse_args(arguments)
    start_app(server_options(options.host, options.port, options.allow))


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
