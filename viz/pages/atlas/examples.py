"""The inputs that excite a head most, each to be opened on its page at that head and query."""

import html
import io
import warnings
from functools import lru_cache

import numpy as np
import streamlit as st
from PIL import Image

from headlens.model.atlas.atlas import AtlasInput, Example
from headlens.model.recording.parts import Photo
from headlens.viz.figures.labels import percent
from headlens.viz.figures.overlay import patch_overlay
from headlens.viz.figures.pictures import data_uri
from headlens.viz.inputs import photo
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.knob import knob
from headlens.viz.inputs.messages import plain
from headlens.viz.inputs.model_picker import KINDS
from headlens.viz.inputs.samples import PHOTOS
from headlens.viz.pages.atlas.chosen import Chosen
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import current_theme
from headlens.viz.view.address import write_texts
from headlens.viz.view.atlas import GAP, example_in_words, how_drawn, place_in_words, shown_tokens
from headlens.viz.view.scale import colour_limit
from headlens.viz.view.visible import visible

NAMES = {"weight": "largest weight", "share": "largest share"}
SHOWN = 8
ACROSS = 4  # photos beside each other
PICTURES = 256  # small ones that are kept: each press on a joint map sends those of its photos
SMALL = 128  # pixels: as large as it stands beside the joint map
LARGEST = 1_024  # pixels of a side of a picture: an atlas keeps them smaller


def show_examples(chosen: Chosen, head: Head) -> None:
    """The first few by the criterion."""
    atlas = chosen.atlas
    criterion = knob(
        st.segmented_control,
        "The inputs that excite it most, by",
        "by",
        options=list(atlas.criteria),
        start=next(iter(atlas.criteria)),
        page="atlas",
        required=True,
        format_func=lambda key: NAMES.get(key) or plain(key),
        help=plain(" · ".join(f"{NAMES.get(key, key)}: {words}" for key, words in atlas.criteria.items())),
    )
    examples = atlas.examples(*head, criterion)[:SHOWN]
    whole = all(len(each.weights) for each in examples)
    st.caption(plain(f"{atlas.criteria[criterion]} {how_drawn(chosen.kind, whole=whole)}"))
    if not examples:
        st.info("No input says anything of this head: what it looks at is special tokens alone.")
    columns = [st.container()] if chosen.kind == "texts" else st.columns(ACROSS)
    for number, example in enumerate(examples):
        found = chosen.input_of(example)
        with columns[number % len(columns)], st.container(key=f"atlas_example_{number}"):
            if chosen.kind == "texts":
                st.html(strip(found, example))
            else:
                _overlay(found, example)
            _line(chosen, head, found, example, number, criterion)


def strip(found: AtlasInput, example: Example) -> str:
    """The tokens of a text, as HTML: they are a stranger's. Their tints are the weights that the query gives."""
    weights = weights_of(found, example)
    limit = colour_limit(weights, found.special)
    parts = []
    for index in shown_tokens(len(found.tokens), (example.query, example.key)):
        if index == GAP:
            parts.append("<bdi>…</bdi>")
            continue
        kinds = {"query": index == example.query, "special": bool(found.special[index])}
        names = " ".join(name for name, holds in kinds.items() if holds)
        tint = f"--weight: {min(1, weights[index] / limit):.3f}"
        said = percent(weights[index]) if len(example.weights) else ""
        token = html.escape(visible(found.tokens[index]))
        parts.append(f'<bdi class="{names}" style="{tint}" title="{said}">{token}</bdi>')
    return f'<div class="hl-atlas-strip">{" ".join(parts)}</div>'


def weights_of(found: AtlasInput, example: Example) -> np.ndarray:
    """[token], what the query of an example gives; of a long input, whose rows are not kept, the strongest alone."""
    if len(example.weights):
        return example.weights
    weights = np.zeros(len(found.tokens))
    weights[example.key] = example.value
    return weights


def opened_picture(content: bytes) -> np.ndarray | None:
    """[height, width, 3] uint8; None for what is no small picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
                return None if max(image.size) > LARGEST else np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _overlay(found: AtlasInput, example: Example) -> None:
    pixels = opened_picture(found.picture)
    if pixels is None or found.grid is None:
        st.caption("The small copy of this photo cannot be read.")
        return
    rows, columns = found.grid
    before = len(found.tokens) - rows * columns
    query = example.query - before
    figure = patch_overlay(
        Photo(pixels, pixels.shape[1] / pixels.shape[0], found.grid),
        weights_of(found, example)[before:],
        query=query if query >= 0 else None,
        theme=current_theme(),
    )
    if not len(example.weights):
        figure.update_traces(hoverinfo="skip", hovertemplate=None)  # of the other patches nothing is known here
    figure.update_layout(height=190)
    draw_figure(figure, f"{found.id}: what {place_in_words(found, example.query)} looks at")


def _line(chosen: Chosen, head: Head, found: AtlasInput, example: Example, number: int, criterion: str) -> None:
    """What is seen, and the way to its page."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(f"{example_in_words(found, example, criterion)}, {found.id}"), width="content")
        _open(chosen, head, found, example, number)


def _open(chosen: Chosen, head: Head, found: AtlasInput, example: Example, number: int) -> None:
    """A link; a button for a photo that no address holds."""
    pages = st.session_state.get("listed_pages", {})
    title = "Text" if chosen.kind == "texts" else "Image"
    name, kind = str(chosen.model.get("name")), chosen.model.get("kind")
    if title not in pages or kind not in KINDS[title]:
        return
    view = {"model": name, "layer": str(head[0]), "head": str(head[1]), "query": str(example.query)}
    tip = f"Runs the model on this input, and looks through layer {head[0]}, head {head[1]} from the framed query."
    if title == "Text":
        texts = write_texts(found.texts)
        if texts is None:
            st.caption("Too long for a link.")
        else:
            st.page_link(pages[title], label="Open on Text", query_params=view | texts, help=tip)
        return
    view |= {} if chosen.size is None else {"size": chosen.size}
    samples = {sample.file: each for each, sample in PHOTOS.items()}
    if chosen.shipped and found.id in samples:
        st.page_link(pages[title], label="Open on Image", query_params=view | {"sample": samples[found.id]}, help=tip)
    elif st.button(
        "Open on Image",
        key=f"atlas_open_{number}",
        help=f"{tip} It is the small copy that the atlas keeps: weights may differ a little.",
    ):
        photo.SESSION.own = found.picture
        st.switch_page(pages[title], query_params=view | {"own": "1"})


@lru_cache(PICTURES)
def small_picture(content: bytes) -> str | None:
    """The address of a picture of SMALL pixels at most a side; None for what is no small picture."""
    pixels = opened_picture(content)
    if pixels is None:
        return None
    image = Image.fromarray(pixels)
    image.thumbnail((SMALL, SMALL))
    return data_uri(np.asarray(image))


def picture_colours(found: AtlasInput) -> list[str] | None:
    """Of a photo, the mean colour of each patch, row by row; None where there is no picture."""
    pixels = opened_picture(found.picture)
    if pixels is None or found.grid is None:
        return None
    rows, columns = found.grid
    small = np.asarray(Image.fromarray(pixels).resize((columns, rows), Image.Resampling.BOX)).reshape(-1, 3)
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in small]
