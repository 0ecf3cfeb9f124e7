"""The pages opened, and what they show taken out of them again."""

import json
import re
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.paths import ROOT
from tests.viz.explorer.payloads import Payload, unpack

MAIN = ROOT / "viz" / "start" / "main.py"
SECONDS = 60  # for one run; the first loads a model


def run(app: AppTest) -> AppTest:
    """Run the page once more; it must end well."""
    app.run()
    assert [error.message for error in app.exception] == []
    return app


def open_text(theme: str = "light", **address: str) -> AppTest:
    """The page Text under an address."""
    app = AppTest.from_file(MAIN, default_timeout=SECONDS)
    app.context["theme"] = theme
    app.query_params.update(address)
    return run(app)


def open_image(**address: str) -> AppTest:
    """The page Image under an address, with few patches unless it says otherwise."""

    def script() -> None:
        from headlens.viz.pages import image_page

        image_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update({"size": "224"} | address)
    return run(app)


def open_sound(**address: str) -> AppTest:
    """The page Sound under an address."""

    def script() -> None:
        from headlens.viz.pages import sound_page

        sound_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(address)
    return run(app)


def choose(app: AppTest, **values: object) -> AppTest:
    """Set pills, boxes and text areas by their keys, then run."""
    for key, value in values.items():
        (widget,) = (
            widget
            for kind in ("button_group", "selectbox", "text_area")
            for widget in app.get(kind)
            if widget.key == key
        )
        widget.set_value(value)  # type: ignore[union-attr]  # each of these kinds has it
    return run(app)


def look(app: AppTest, text: str, second: str = "") -> AppTest:
    """Type a text, or a pair, and press Look."""
    app.text_area(key="text_first").set_value(text)
    app.text_area(key="text_second").set_value(second)
    return press(app, "Look")


def press(app: AppTest, label: str) -> AppTest:
    """Press the button of that name."""
    (button,) = (button for button in app.button if button.label == label)
    button.click()
    return run(app)


def upload(app: AppTest, content: bytes, name: str = "photo.jpg", kind: str = "image/jpeg") -> AppTest:
    """Give the page a file of one's own."""
    (field,) = (each for each in app.file_uploader if not str(each.key).endswith("_recording"))
    field.set_value([(name, content, kind)])
    return run(app)


def element(app: AppTest) -> Any:
    """The explorer, as the browser gets it."""
    (found,) = app.get("bidi_component")
    return found.proto


def shown(app: AppTest) -> Payload:
    """What the explorer is sent."""
    return unpack(element(app).bytes)


def view(app: AppTest) -> tuple[int, int, int]:
    """Layer, head and query that the explorer shows."""
    found = shown(app).header["view"]
    return found["layer"], found["head"], found["query"]


def address(app: AppTest) -> dict[str, Any]:
    """The parameters in the address."""
    return dict(app.query_params)


def tell(app: AppTest, **states: object) -> AppTest:
    """The explorer says something: its view, or a trigger (more, save), as its JavaScript does."""
    widgets = app._tree.get_widget_states()
    for name, value in states.items():
        if name == "view":
            widgets.widgets.add(id=element(app).id, json_value=json.dumps({name: value}))
        else:
            events_id = f"$$STREAMLIT_INTERNAL_KEY_{element(app).id}__events"
            events = json.dumps([{"event": name, "value": value}])
            widgets.widgets.add(id=events_id, json_trigger_value=events)
    app._run(widgets)
    assert [error.message for error in app.exception] == []
    return app


def as_read(markdown: str) -> str:
    """Without what keeps Markdown from being read in a stranger's words."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown).replace("\u2060", "")


def errors(app: AppTest) -> list[str]:
    """What the page complains of, as it is read."""
    return [as_read(error.value) for error in app.error]
