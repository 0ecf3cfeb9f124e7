"""What a figure holds, taken out of it again."""

import base64
import html
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image


def picture_in(uri: str) -> np.ndarray:
    """The pixels of a picture that an address holds."""
    head, _, body = uri.partition(",")
    assert re.fullmatch("data:image/(png|webp);base64", head)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body, validate=True))))


def numbers_in(value: Any) -> np.ndarray:
    """An array as Plotly's JSON writes it: base64 of its bytes, or a list."""
    if not isinstance(value, dict):
        return np.asarray(value)
    numbers = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
    return numbers.reshape([int(length) for length in value.get("shape", str(numbers.size)).split(",")])


def strings_in(value: Any) -> Iterator[str]:
    """Every string of a JSON value, the names of its members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from strings_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from strings_in(member)


def is_escaped(text: str) -> bool:
    """Nothing in it is markup for Plotly, which reads <b>, <a href> and &amp;."""
    return html.escape(html.unescape(text), quote=False) == text
