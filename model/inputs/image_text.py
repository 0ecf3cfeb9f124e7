"""An image and a text, as a model reads or writes them."""

from collections.abc import Mapping
from dataclasses import dataclass

from headlens.model.inputs.image import ImageInput


@dataclass(frozen=True)
class ImagePrompt:
    """An image inside a row of tokens."""

    image: ImageInput
    ids: tuple[int, ...]  # of all tokens, the image's too
    notes: Mapping[str, str]  # that the text was cut, where it was


@dataclass(frozen=True)
class CaptionedImage:
    """An image, and what a model wrote of it."""

    image: ImageInput
    before: tuple[int, ...]  # the ids of the tokens that begin each text
    written: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Of all tokens that the decoder reads."""
        return (*self.before, *self.written)
