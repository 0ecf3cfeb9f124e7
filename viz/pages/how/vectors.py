"""Step 2: from words or patches to vectors."""

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from headlens.model.analysis.rows import nearest, principal_filters
from headlens.model.inputs.patches import cut_patches
from headlens.model.inputs.text import TextInput
from headlens.model.protocol import TextModel
from headlens.model.recording.parts import Photo
from headlens.model.trace.positions import filters
from headlens.model.trace.runs import Embedding
from headlens.viz.figures.cells import vector_strips
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.mosaics import filter_tiles
from headlens.viz.inputs.messages import plain
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import formulas, shapes
from headlens.viz.pages.parts import draw_figure


def vectors(example: Example) -> None:
    """Step 2: each token or patch becomes a row."""
    st.markdown(
        "A network computes with numbers. Each **word piece** is looked up in a table, each **patch** of a photo goes "
        "through one linear map: either way it becomes a row, its **embedding**, and the input becomes a matrix."
    )
    embedding, photo, network = example.embedding(), example.recording.photo, example.model.network
    row = embedding.rows[example.query]
    position = r" + E_{\mathrm{position}}" if embedding.positions is not None else ""
    if photo is None:
        summed = _looked_up(example) + position
        formulas(rf"x = \mathrm{{norm}}({summed})" if _normed(embedding) else f"x = {summed}")
        table = _text_of(example)[0].token_embeddings()
        shapes(table=tuple(table.shape), input=tuple(embedding.rows.shape))
    else:
        formulas(rf"x = W_E\,\mathrm{{patch}} + b{position}")
        height, width = (side // count for side, count in zip(photo.pixels.shape, photo.grid))
        shapes(patch=(height, width, 3), W_E=(example.width, height * width * 3), input=tuple(embedding.rows.shape))
    strips = {"what it is": embedding.content[example.query]}
    if embedding.positions is not None:
        strips["where it is"] = embedding.positions[example.query]
        name = "their sum, as it goes into layer 0"
    else:
        name = "as it goes into layer 0"
    if row.shape == embedding.content[0].shape and not torch.equal(row, embedding.content[example.query]):
        strips["input"] = row
    st.text(f"The row of {example.name}:")
    draw_figure(
        vector_strips(
            [name if label == "input" else label for label in strips],
            list(strips),
            np.stack([strip.float().cpu().numpy() for strip in strips.values()]),
            theme=example.theme,
        ),
        "Strips: the embedding of the query, what its position adds, and the row that goes into the first layer.",
    )
    if embedding.positions is None:
        st.caption("This model adds no position to a row; the next step shows how it knows the order.")
    if photo is None:
        _alike(example)
    else:
        _patch(example, photo)
        if (weights := filters(network)) is not None:
            _filters(example, weights)


def _text_of(example: Example) -> tuple[TextModel, TextInput]:
    """The model and what it has read, where that is a text."""
    model, text = example.model, example.anatomy.model_input
    assert isinstance(model, TextModel)
    assert isinstance(text, TextInput)
    return model, text


def _looked_up(example: Example) -> str:
    """The formula of what a token is: its row of the table, or times a number, or plus its segment's row."""
    model, text = _text_of(example)
    row = model.token_embeddings()[text.ids[example.query]].float()
    content = example.embedding().content[example.query].float()
    if row.shape == content.shape and not torch.equal(row, content):
        factor = float((row * content).sum() / (row * row).sum().clamp(min=1e-12))
        if torch.allclose(factor * row, content, rtol=1e-3, atol=1e-4):
            return rf"{factor:.4g}\; E_{{\mathrm{{token}}}}"
    segments = {"segments", "token_type_ids"} & model.inputs(text).keys()
    return r"E_{\mathrm{token}}" + (r" + E_{\mathrm{segment}}" if segments else "")


def _normed(embedding: Embedding) -> bool:
    """Whether a norm lies between what is added and the first layer."""
    summed = embedding.content if embedding.positions is None else embedding.content + embedding.positions
    return summed.shape != embedding.rows.shape or not bool(torch.isclose(summed, embedding.rows, atol=1e-4).all())


def _alike(example: Example) -> None:
    """The rows of the table that are most like the query's."""
    model, text = _text_of(example)
    own = text.ids[example.query]
    ids, alike = nearest(model.token_embeddings(), own, 9)
    st.markdown("A row of the table is the same in every sentence. These lie nearest to the query's, by their cosine.")
    tokens = [model.name_of(int(token_id)) for token_id in ids]
    rows = [f"row {token_id:,}" for token_id in ids]
    marked = int(np.flatnonzero(ids == own)[0]) if own in ids else None
    draw_figure(
        bar_columns(rows, tokens, {"cosine": alike}, marked=marked, theme=example.theme),
        "Bars: the rows of the embedding table that are most like the query's own.",
    )


def _patch(example: Example, photo: Photo) -> None:
    """The patch that is cut out."""
    index = example.query - example.recording.prefix_tokens
    if index < 0:
        name = plain(example.recording.tokens[example.query])
        st.markdown(f"{name} is no patch: its row is learned, the same for every photo.")
        return
    patch = cut_patches(photo.pixels, photo.grid, axis=0)[index]
    row, column = divmod(index, photo.grid[1])
    st.image(np.repeat(np.repeat(patch, 8, 0), 8, 1), caption=f"The patch ({row}, {column}), cut out")


def _filters(example: Example, weights: Tensor) -> None:
    """What the linear map looks for."""
    st.markdown(
        "Every number of the row is one filter laid over the patch. These are the first principal components of all "
        "filters: together a basis in which the fine structure of a patch is written."
    )
    components = principal_filters(weights.float().cpu().numpy(), 28)
    draw_figure(
        filter_tiles(components, 7, example.theme),
        "Small pictures: the first principal components of the patch embedding's filters.",
    )
