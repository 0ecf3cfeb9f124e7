"""An image and a text, as a language model reads them."""

from collections.abc import Mapping
from dataclasses import dataclass

from headlens.model.inputs.image import ImageInput


@dataclass(frozen=True)
class ImagePrompt:
    """An image inside a row of tokens."""

    image: ImageInput
    ids: tuple[int, ...]  # of all tokens, the image's too
    notes: Mapping[str, str]  # that the text was cut, where it was
