"""The elements: all linked views of one recording in one Components v2 element, two heads in another, a joint map."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from headlens.viz.theme import css_variables

HERE = Path(__file__).parent
LOADER = """
let module;
export default async function (component) {
  module ??= import(new URL("headlens/{name}.js", document.baseURI).href);
  return (await module).default(component);
}
"""
CSS = css_variables() + (HERE / "explorer.css").read_text()
SIDE = (HERE / "side.html").read_text()
SIDES = "".join(SIDE.replace("{side}", side.lower()).replace("{name}", side) for side in "AB")
COMPARED = (HERE / "compared.html").read_text().replace("{sides}", SIDES)
_element = st.components.v2.component(
    "headlens_explorer",
    html=(HERE / "explorer.html").read_text(),
    css=CSS,
    js=LOADER.replace("{name}", "explorer"),
    isolate_styles=False,  # plotly.js writes its styles into the document
)
_compared = st.components.v2.component(
    "headlens_compared",
    html=COMPARED,
    css=CSS + (HERE / "compared.css").read_text(),
    js=LOADER.replace("{name}", "compared"),
    isolate_styles=False,
)

_joint = st.components.v2.component(
    "headlens_joint",
    html=(HERE / "joint.html").read_text(),
    css=(HERE / "joint.css").read_text(),
    js=LOADER.replace("{name}", "joint"),
    isolate_styles=False,
)


def explorer(
    key: str, payload: bytes, *, on_view: Callable[[], None], on_more: Callable[[], None], on_save: Callable[[], None]
) -> None:
    """Show a payload of `headlens.viz.explorer.payload`.

    Args:
        key: of the element; it stays mounted, and st.session_state[key] holds what it tells.
        payload: what to show.
        on_view: called before the rerun when the visitor has changed the view: state "view".
        on_more: called when it has painted, and wants what was left out for speed.
        on_save: called when a picture is to be saved: state "save".
    """
    _element(key=key, data=payload, on_view_change=on_view, on_more_change=on_more, on_save_change=on_save)


def compared(key: str, payload: bytes, *, on_view: Callable[[], None]) -> None:
    """Show a payload of `headlens.viz.explorer.compared`; arguments are as those of `explorer`."""
    _compared(key=key, data=payload, on_view_change=on_view)


def joint(key: str, payload: bytes, *, on_point: Callable[[], None]) -> None:
    """Show a payload of `headlens.viz.explorer.joint`.

    Args:
        key: of the element; it stays mounted, with the zoom of the visitor.
        payload: what to show.
        on_point: called before the rerun when a point was pressed: trigger "point", as the address has it.
    """
    _joint(key=key, data=payload, on_point_change=on_point)
