"""What the file of a recording is called."""

import hashlib
import re
from pathlib import Path

from headlens.viz.cli.inputs import Item

SLUG = 40  # characters of the input that the name shows
DIGITS = 8  # hexadecimal, of what tells inputs with one beginning from each other
WIDTH = 4  # digits of the number, so that names sort as the inputs do


def file_name(item: Item, number: int, *, made: str) -> str:
    """A name that no other input has: "0001-the-cat-sleeps-3fa9c2d1.safetensors".

    Args:
        item: the input.
        number: its place among the inputs, from 1; the same text twice makes two files.
        made: with what it is recorded: another model does not overwrite it, the same one does.
    """
    content = item.content
    if isinstance(content, Path):
        shown, whole = content.stem, str(content.absolute())
    else:
        shown = whole = content if isinstance(content, str) else "\n".join(content)
    slug = re.sub(r"\W+", "-", shown[: 4 * SLUG].lower())[:SLUG].strip("-_")
    digits = hashlib.sha256(f"{made}\0{whole}".encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    return "-".join(part for part in (f"{number:0{WIDTH}}", slug, digits) if part) + ".safetensors"
