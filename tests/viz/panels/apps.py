"""The pages opened, and what they show taken out of them again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.viz.decode import Element, elements_in, numbers_in

APP = Path(__file__).parents[3] / "app.py"
SECONDS = 60  # for one run; the first loads a model


def run(app: AppTest) -> AppTest:
    """Run the page once more; it must end well."""
    app.run()
    assert [error.message for error in app.exception] == []
    return app


def open_text(theme: str = "light", **address: str) -> AppTest:
    """The page Text under an address."""
    app = AppTest.from_file(APP, default_timeout=SECONDS)
    app.context["theme"] = theme
    app.query_params.update(address)
    return run(app)


def open_image(**address: str) -> AppTest:
    """The page Image under an address, with few patches unless it says otherwise."""

    def script() -> None:
        from viz.panels import image_page

        image_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update({"image_size": "224"} | address)
    return run(app)


def choose(app: AppTest, **values: object) -> AppTest:
    """Set buttons, boxes and sliders by their keys, then run."""
    for key, value in values.items():
        (widget,) = (
            widget
            for kind in ("button_group", "selectbox", "number_input", "slider", "toggle", "text_area")
            for widget in app.get(kind)
            if widget.key == key
        )
        widget.set_value(value)  # type: ignore[union-attr]  # each of these kinds has it
    return run(app)


def look(app: AppTest, text: str, second: str = "") -> AppTest:
    """Type a text, or a pair, and press Look."""
    app.text_area(key="text_first").set_value(text)
    app.text_area(key="text_second").set_value(second)
    app.button[0].click()
    return run(app)


def upload(app: AppTest, content: bytes, name: str = "photo.jpg") -> AppTest:
    """Give the page a file of one's own."""
    app.file_uploader[0].set_value([(name, content, "image/jpeg")])
    return run(app)


def chart(app: AppTest, key: str) -> Any:
    """The element of a figure."""
    (element,) = (element for element in app.get("plotly_chart") if element.key == key)
    return element.proto


def figure(app: AppTest, key: str) -> dict[str, Any]:
    """A figure as the browser gets it."""
    return json.loads(chart(app, key).spec)


def heat(app: AppTest, key: str) -> np.ndarray:
    """The numbers of the heatmap in a figure."""
    return numbers_in(figure(app, key)["data"][0]["z"])


def markup(app: AppTest) -> list[Element]:
    """All that the page writes as HTML."""
    bodies = [element.proto.body for element in app.get("html")]
    return [element for body in bodies for element in elements_in(body)]


def headline(app: AppTest) -> str:
    """The bold words above the picture."""
    (found,) = (element.text for element in markup(app) if element.tag == "b")
    return found


def errors(app: AppTest) -> list[str]:
    """What the page complains of."""
    return [error.value for error in app.error]
