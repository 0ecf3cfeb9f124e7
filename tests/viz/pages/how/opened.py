"""The page How it works opened, and its figures and sentences taken out of it."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.viz.pages.apps import SECONDS, run


def open_how(**address: str) -> AppTest:
    """The page under an address; photos with few patches unless it says otherwise."""

    def script() -> None:
        from headlens.viz.pages import how_page

        how_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(({"size": "224"} if address.get("kind") == "image" else {}) | address)
    return run(app)


def chart(app: AppTest, number: int) -> dict[str, Any]:
    """A figure of the page, in their order."""
    return json.loads(app.get("plotly_chart")[number].proto.spec)


def said(app: AppTest, part: str) -> str:
    """The one sentence that holds this part."""
    (found,) = [text.value for text in app.text if part in text.value]
    return found
