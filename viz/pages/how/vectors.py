"""Step 2: from words or patches to vectors."""

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from headlens.model.analysis.rows import nearest, principal_filters
from headlens.model.inputs.patches import cut_patches
from headlens.model.inputs.text import TextInput
from headlens.model.recording.parts import Photo
from headlens.model.trace.anatomy import Embedding
from headlens.model.trace.positions import filters
from headlens.viz.figures.cells import vector_strips
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.mosaics import filter_tiles
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.how.example import Example, draw, formulas, shapes


def vectors(example: Example) -> None:
    """Step 2: each token or patch becomes a row."""
    st.markdown(
        "A network computes with numbers. Each **word piece** is looked up in a table, each **patch** of a photo goes "
        "through one linear map: either way it becomes a row, its **embedding**, and the input becomes a matrix."
    )
    given, photo, network = example.embedding(), example.recording.photo, example.model.network
    rows = given.rows[example.query]
    place = r" + E_{\mathrm{position}}" if given.places is not None else ""
    if photo is None:
        summed = _looked_up(example) + place
        formulas(rf"x = \mathrm{{norm}}({summed})" if _normed(given) else f"x = {summed}")
        shapes(table=tuple(example.model.table().shape), input=tuple(given.rows.shape))
    else:
        formulas(rf"x = W_E\,\mathrm{{patch}} + b{place}")
        height, width = (side // count for side, count in zip(photo.pixels.shape, photo.grid))
        shapes(patch=(height, width, 3), W_E=(example.width, height * width * 3), input=tuple(given.rows.shape))
    strips = {"what it is": given.content[example.query]}
    if given.places is not None:
        strips["where it is"] = given.places[example.query]
        names = "their sum, as it goes into layer 0"
    else:
        names = "as it goes into layer 0"
    if rows.shape == given.content[0].shape and not torch.equal(rows, given.content[example.query]):
        strips["input"] = rows
    st.text(f"The row of {example.name}:")
    draw(
        vector_strips(
            [names if label == "input" else label for label in strips],
            list(strips),
            np.stack([strip.float().cpu().numpy() for strip in strips.values()]),
            theme=example.theme,
        ),
        "Strips: the embedding of the query, what its position adds, and the row that goes into the first layer.",
    )
    if given.places is None:
        st.caption("This model adds nothing to a row that says where it stands; the next step shows how it knows.")
    if photo is None:
        _alike(example)
    else:
        _patch(example, photo)
        if (weights := filters(network)) is not None:
            _filters(example, weights)


def _looked_up(example: Example) -> str:
    """The formula of what a token is: its row of the table, in some models times a number, or with its text's row."""
    given = example.anatomy.given
    assert isinstance(given, TextInput)
    row = example.model.table()[given.ids[example.query]].float()
    content = example.embedding().content[example.query].float()
    if row.shape == content.shape and not torch.equal(row, content):
        times = float((row * content).sum() / (row * row).sum().clamp(min=1e-12))
        if torch.allclose(times * row, content, rtol=1e-3, atol=1e-4):
            return rf"{times:.4g}\; E_{{\mathrm{{token}}}}"
    segments = {"segments", "token_type_ids"} & example.model.inputs(given).keys()
    return r"E_{\mathrm{token}}" + (r" + E_{\mathrm{segment}}" if segments else "")


def _normed(given: Embedding) -> bool:
    """Whether a norm lies between what is added and the first layer."""
    summed = given.content if given.places is None else given.content + given.places
    return summed.shape != given.rows.shape or not bool(torch.isclose(summed, given.rows, atol=1e-4).all())


def _alike(example: Example) -> None:
    """The rows of the table that are most like the query's."""
    given, model = example.anatomy.given, example.model
    assert isinstance(given, TextInput)
    own = given.ids[example.query]
    numbers, alike = nearest(model.table(), own, 9)
    st.markdown("A row of the table is the same in every sentence. These lie nearest to the query's, by their cosine.")
    tokens = [model.name_of(int(number)) for number in numbers]
    numbered = [f"row {number:,}" for number in numbers]
    marked = int(np.flatnonzero(numbers == own)[0]) if own in numbers else None
    draw(
        bar_columns(numbered, tokens, {"cosine": alike}, marked=marked, theme=example.theme),
        "Bars: the rows of the embedding table that are most like the query's own.",
    )


def _patch(example: Example, photo: Photo) -> None:
    """The patch that is cut out."""
    place = example.query - example.recording.prefix_tokens
    if place < 0:
        name = plain(example.recording.tokens[example.query])
        st.markdown(f"{name} is no patch: its row is learned, the same for every photo.")
        return
    patch = cut_patches(photo.pixels, photo.grid, axis=0)[place]
    row, column = divmod(place, photo.grid[1])
    st.image(np.repeat(np.repeat(patch, 8, 0), 8, 1), caption=f"The patch ({row}, {column}), cut out")


def _filters(example: Example, weights: Tensor) -> None:
    """What the linear map looks for."""
    st.markdown(
        "Every number of the row is one filter laid over the patch. These are the first principal components of all "
        "filters: together a basis in which the fine structure of a patch is written."
    )
    components = principal_filters(weights.float().cpu().numpy(), 28)
    draw(
        filter_tiles(components, 7, example.theme),
        "Small pictures: the first principal components of the patch embedding's filters.",
    )
