"""What the server runs. Streamlit finds a server by the call `st.App(…)` in the script that it is given: app.py at the
top of a checkout, and viz/start/app.py in an installed package; both make the same app of what stands here."""

from pathlib import Path
from typing import TypedDict

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from headlens.viz.server.guard import Guard
from headlens.viz.server.routes import ROUTES

START = Path(__file__).parents[1] / "start"


class AppArguments(TypedDict):
    """The arguments of `st.App`."""

    script_path: str
    routes: list[Route]
    middleware: list[Middleware]


def app_arguments() -> AppArguments:
    """The pages, the files that they load, and the guard before all of it."""
    guard = Middleware(Guard, hosts=lambda: st.get_option("server.allowedHosts"))
    return {"script_path": str(START / "main.py"), "routes": ROUTES, "middleware": [guard]}
