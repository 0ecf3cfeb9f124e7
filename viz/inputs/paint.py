"""A rectangle of a photo that is painted over: drawn on the photo, or set by sliders; and as an address has it."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from headlens.model.errors import InputError
from headlens.model.inputs.image_file import open_image
from headlens.model.inputs.paint import COLOURS, Colour, Rectangle
from headlens.viz.figures.paint import rectangle_picker
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.numbers import is_number

MOST = 600  # pixels of the picture's longer side
START = Rectangle(30, 30, 60, 60)
Change = Callable[[Rectangle | None], None]


def read_rectangle(written: str) -> Rectangle | None:
    """As the address has it, "30-20-60-50-grey"; None for whatever is no rectangle."""
    *parts, colour = written[:40].split("-")
    if len(parts) != 4 or not all(is_number(part, 3) for part in parts):
        return None
    try:
        return Rectangle(*map(int, parts), colour=colour)  # type: ignore[arg-type, misc]  # it is checked there
    except InputError:
        return None


def write_rectangle(rectangle: Rectangle) -> str:
    """What `read_rectangle` reads."""
    numbers = (rectangle.left, rectangle.top, rectangle.right, rectangle.bottom)
    return "-".join([*map(str, numbers), rectangle.colour])


def paint_control(side: str, name: str, photo: PhotoRequest, change: Change) -> None:
    """A button that opens the photo, to drag a rectangle over it.

    Args:
        side: what is behind the names of its parameters.
        name: of the side.
        photo: that is painted over.
        change: is called with the rectangle that was chosen; None: nothing is painted over.
    """
    state, shown = st.session_state, photo.painted
    keys = {what: f"compare_paint_{what}{side}" for what in ("across", "down", "colour")}
    rectangle = START if shown is None else shown
    state[keys["across"]] = (rectangle.left, rectangle.right)
    state[keys["down"]] = (rectangle.top, rectangle.bottom)
    state[keys["colour"]] = rectangle.colour

    def take() -> None:
        (left, right), (top, bottom) = state[keys["across"]], state[keys["down"]]
        if left < right and top < bottom:
            change(Rectangle(left, top, right, bottom, state[keys["colour"]]))

    with st.popover(
        f"Paint over {name}",  # another label would close it
        key=f"compare_paint_open{side}",
        on_change="rerun",
        help="A rectangle of the photo becomes grey or black, before the model sees it.",
    ) as panel:
        if panel.open:
            _picture(side, photo, rectangle.colour, change)
        about = "In per cent of the photo's {}; or drag over the photo."
        st.slider("Left and right", 0, 100, key=keys["across"], on_change=take, help=about.format("width"))
        st.slider("Top and bottom", 0, 100, key=keys["down"], on_change=take, help=about.format("height"))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.segmented_control(
                "Colour",
                COLOURS,
                key=keys["colour"],
                required=True,
                on_change=take,
                help="What the rectangle is painted with.",
            )
            if shown is None:
                st.button("Paint it", key=f"compare_paint{side}", on_click=take, help="Paint this rectangle over.")
            else:
                st.button(
                    "Take it off",
                    key=f"compare_unpaint{side}",
                    on_click=lambda: change(None),
                    help="The photo as it is.",
                )
    if shown is not None:
        st.caption(f"{name} is painted over: {shown.colour}.", width="content")


def _picture(side: str, photo: PhotoRequest, colour: Colour, change: Change) -> None:
    """The whole photo, to drag over."""
    state = st.session_state
    key = f"compare_drag{side}_{state.setdefault(f'compare_drags{side}', 0)}"

    def take() -> None:
        boxes = state[key].selection.box
        state[f"compare_drags{side}"] += 1
        if boxes:
            change(_dragged(boxes[0]["x"], boxes[0]["y"], colour))

    picture = open_image(photo.photo)
    picture.thumbnail((MOST, MOST))
    figure = rectangle_picker(np.asarray(picture), photo.painted, theme=current_theme())
    st.plotly_chart(
        figure,
        key=key,
        theme=None,
        on_select=take,
        selection_mode="box",
        config={"displayModeBar": False},
        alt="The photo, to drag a rectangle over it",
    )


def _dragged(across: list[float], down: list[float], colour: Colour) -> Rectangle:
    """A box in per cent as a rectangle that is at least one per cent wide and high."""
    (left, right), (top, bottom) = (
        (max(0, min(99, round(min(ends)))), max(0, min(100, round(max(ends))))) for ends in (across, down)
    )
    return Rectangle(left, top, max(left + 1, right), max(top + 1, bottom), colour)
