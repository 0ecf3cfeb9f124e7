"""What the page loads besides Streamlit's own files: plotly.js out of the plotly wheel, and the explorer's modules."""

import os
from importlib import metadata

from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from headlens.viz.explorer.bundle import MODULES, PLOTLY

VERSION = metadata.version("plotly")


async def _plotly(request: Request) -> Response:
    headers = {"Cache-Control": "public, max-age=604800"}
    return FileResponse(PLOTLY, media_type="text/javascript", headers=headers)


async def _module(request: Request) -> Response:
    path = MODULES / f"{request.path_params['name']}.js"  # one path segment: it cannot lead out of the folder
    if not os.path.isfile(path):  # unlike Path.is_file, false for a name too long
        return Response("There is no such module.", status_code=404)
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def _start(request: Request) -> Response:
    """The first page has no path of its own, though its link looks as if it had."""
    return RedirectResponse(f"./?{request.url.query}" if request.url.query else "./")


ROUTES = [Route("/text", _start), Route("/headlens/plotly.min.js", _plotly), Route("/headlens/{name}.js", _module)]
