"""The pages, in the order in which the app lists them."""

from collections.abc import Callable
from typing import NamedTuple

from headlens.viz.pages import (
    atlas_page,
    compare_page,
    generate_page,
    how_page,
    image_page,
    matter_page,
    sound_page,
    text_page,
)


class Page(NamedTuple):
    """One page."""

    title: str
    path: str  # in its address
    draw: Callable[[], None]


PAGES = (  # the app opens on the first
    Page("Text", "text", text_page.page),
    Page("Image", "image", image_page.page),
    Page("Generate", "generate", generate_page.page),
    Page("Sound", "sound", sound_page.page),
    Page("Compare", "compare", compare_page.page),
    Page("Does it matter?", "matter", matter_page.page),
    Page("Atlas", "atlas", atlas_page.page),
    Page("How it works", "how", how_page.page),
)
