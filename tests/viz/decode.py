"""What a figure or a page holds, taken out of it again."""

import base64
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
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


@dataclass
class Element:
    """An HTML element with the text directly in it."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    text: str = ""


def elements_in(markup: str) -> list[Element]:
    """The elements of a piece of HTML as a browser would find them, in order; each is closed."""
    found: list[Element] = []
    open_ones: list[Element] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(Element(tag, dict(attrs)))
            open_ones.append(found[-1])

        def handle_endtag(self, tag: str) -> None:
            assert open_ones.pop().tag == tag

        def handle_data(self, data: str) -> None:
            if open_ones:
                open_ones[-1].text += data

    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert open_ones == []
    assert markup.count("<") == 2 * len(found)  # a browser may guess otherwise at any other
    return found
