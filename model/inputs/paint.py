"""A photo with a rectangle painted over."""

from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image

from headlens.model.errors import InputError

Colour = Literal["grey", "black"]
COLOURS: tuple[Colour, ...] = get_args(Colour)
RGB: dict[Colour, tuple[int, int, int]] = {"grey": (128, 128, 128), "black": (0, 0, 0)}


@dataclass(frozen=True)
class Rectangle:
    """A part of a photo, in whole per cent of its width and height, and the colour that it is painted with.

    Raises InputError for a part that is empty or outside of the photo, and for another colour.
    """

    left: int
    top: int
    right: int
    bottom: int
    colour: Colour = "grey"

    def __post_init__(self) -> None:
        if not (0 <= self.left < self.right <= 100 and 0 <= self.top < self.bottom <= 100):
            raise InputError("A rectangle is left, top, right and bottom in per cent of the photo, as 30,20,60,50.")
        if self.colour not in COLOURS:
            raise InputError(f"A rectangle is {' or '.join(COLOURS)}, not {self.colour!r:.40}.")


def painted(image: Image.Image, rectangle: Rectangle) -> Image.Image:
    """A copy of an RGB image with the rectangle painted over, its edges on whole pixels."""
    width, height = image.size
    corners = [
        round(share * side / 100)
        for share, side in zip((rectangle.left, rectangle.top, rectangle.right, rectangle.bottom), (width, height) * 2)
    ]
    copy = image.copy()
    copy.paste(RGB[rectangle.colour], (corners[0], corners[1], corners[2], corners[3]))
    return copy
