"""Steps 2 and 3: from words or patches to vectors, and where a word is."""

import numpy as np
import streamlit as st

from model.analysis.rows import cosines, principal_filters
from model.loaded import ImageModel, TextModel
from model.nn.positional import sinusoidal_positions
from model.walk import Arranged, arranged
from viz.figures.cells import number_cells, table_cells, vector_strips
from viz.figures.columns import bar_columns
from viz.figures.mosaics import filter_tiles, similarity_tiles
from viz.panels.how.example import Example, draw, draw_photo, formulas, knob, note_of_keys, shapes
from viz.panels.recorder import working

POSITIONS, NUMBERS = 64, 128  # of the encodings that are drawn
TILES = 6  # a side, of places on a ViT's grid


def vectors(example: Example) -> None:
    """Step 2: each token or patch becomes a row."""
    st.markdown(
        "A network computes with numbers. Each **word piece** is looked up in a table, each **patch** of a photo goes "
        "through one linear map: either way it becomes a row, its **embedding**, and the input becomes a matrix."
    )
    given = example.embedding()
    content, rows = (part[example.query].float().cpu().numpy() for part in (given.content, given.rows()))
    place = given.places[example.query].float().cpu().numpy()
    model = example.model
    if isinstance(model, TextModel):
        formulas(r"x = \mathrm{norm}(E_{\mathrm{token}} + E_{\mathrm{segment}} + E_{\mathrm{position}})")
        shapes(table=tuple(model.network.tokens.weight.shape), input=(example.recording.num_tokens, example.width))
    else:
        formulas(r"x = W_E\,\mathrm{patch} + b + E_{\mathrm{position}}")
        side = model.network.patch
        shapes(patch=(side, side, 3), W_E=(example.width, side * side * 3), input=tuple(given.content.shape))
    st.text(f"The row of {example.name}:")
    names = ["what it is", "where it is", "their sum, as it goes into layer 0"]
    draw(
        vector_strips(names, ["what it is", "where it is", "input"], np.stack((content, place, rows)), example.theme),
        "Strips: the embedding of the query, its position encoding, and the row that goes into the first layer.",
    )
    if isinstance(model, TextModel):
        _alike(example, model)
    else:
        _filters(example, model)


def _alike(example: Example, model: TextModel) -> None:
    """The rows of the table that are most like the query's."""
    table = model.network.tokens.weight.detach().float().cpu().numpy()
    own = model.tokenizer.token_to_id(example.recording.tokens[example.query])
    alike = cosines(table, table[own])
    nearest = np.argsort(-alike, kind="stable")[:9]
    st.markdown("The table knows no sentence: these rows of it lie nearest, by their cosine.")
    tokens = [str(model.tokenizer.id_to_token(int(number))) for number in nearest]
    numbered = [f"row {number:,}" for number in nearest]
    draw(
        bar_columns(
            numbered, tokens, {"cosine": alike[nearest]}, int(np.flatnonzero(nearest == own)[0]), example.theme
        ),
        "Bars: the rows of the embedding table that are most like the query's own.",
    )


def _filters(example: Example, model: ImageModel) -> None:
    """The patch that is cut out, and what the linear map looks for."""
    photo, place = example.recording.photo, example.query - example.recording.prefix_tokens
    assert photo is not None  # an image model recorded it
    if place >= 0:
        side = model.network.patch
        row, column = divmod(place, photo.grid[1])
        patch = photo.pixels[row * side : (row + 1) * side, column * side : (column + 1) * side]
        st.image(np.repeat(np.repeat(patch, 8, 0), 8, 1), caption=f"The patch ({row}, {column}), cut out")
    else:
        st.markdown(r"\[CLS] is no patch: its row is learned, the same for every photo.")
    st.markdown(
        "Every number of the row is one filter laid over the patch. These are the first principal components of all "
        "filters: together a basis in which the fine structure of a patch is written."
    )
    weights = model.network.patches.projection.weight.detach().float().cpu().numpy()
    draw(
        filter_tiles(principal_filters(weights, 28), 7, example.theme),
        "Twenty-eight small pictures: the first principal components of the patch embedding's filters.",
    )


def positions(example: Example) -> None:
    """Step 3: order, and how it is told."""
    st.markdown(
        "Attention compares rows; it does not know which came first. Without help, another order of the input gives "
        "the same rows in another order. So each row gets a **position encoding** added: in 2017 sines and cosines, "
        "in this model a learned row for each place."
    )
    formulas(r"PE_{(pos, 2i)} = \sin(pos / 10000^{2i/d})", r"PE_{(pos, 2i+1)} = \cos(pos / 10000^{2i/d})")
    _order(example)
    with st.expander("The encodings themselves", expanded=True):
        _encodings(example)


def _order(example: Example) -> None:
    """The model really run on another order, or without positions."""
    with st.container(horizontal=True):
        order = knob(
            st.segmented_control,
            "Order of the input",
            "order",
            ("read", "reversed", "shuffled"),
            "read",
            format_func={"read": "as it is", "reversed": "reversed", "shuffled": "shuffled"}.get,
            required=True,
            help="The model runs on its tokens in this order; special tokens stay where they are.",
        )
        placed = knob(
            st.segmented_control,
            "Positions",
            "positions",
            ("with", "without"),
            "without",
            format_func={"with": "with encodings", "without": "without any"}.get,
            required=True,
            help="Without: the same weights run with every position encoding left out.",
        )
    made, plain = (_arranged(example, each, placed == "with") for each in (order, "read"))
    weights, keys = made.weights(example.head, np.array([example.query]))[0], example.keys
    change = {"read": "", "reversed": ", reversed", "shuffled": ", shuffled"}[order]
    shapes(rows=tuple(made.out.shape))
    for column, title, run in zip(st.columns(2), ("as trained", "this run"), (None, made)):
        with column:
            st.caption(f"Layer {example.layer}, head {example.head}: {title}")
            _map(example, title, run)
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {"as trained": example.weights[keys], f"{placed} positions{change}": weights[keys]},
        int(np.searchsorted(keys, example.query)),
        example.theme,
    )
    draw(figure, "Bars: the weight of each key as the model was trained, and in this run.")
    note_of_keys(example)
    apart = float((made.out - plain.out).abs().max())
    follow = "the rows follow their tokens." if apart < 1e-3 else "the order matters."
    st.text(
        f"Rows after layer {example.layer}, {placed} positions: the largest difference between this order and the "
        f"order as it is: {apart:.1e}; " + ("nothing was moved." if order == "read" else follow)
    )


def _map(example: Example, title: str, run: Arranged | None) -> None:
    """This head as the model was trained (None) or in a run: over the photo, or among the shown tokens of a text."""
    recording, head = example.recording, example.head
    if recording.photo is not None:
        weights = example.weights if run is None else run.weights(head, np.array([example.query]))[0]
        draw_photo(example, weights, f"The photo with the weights of the query as heat, {title}.")
        return
    keys = example.keys
    rows = recording.attention_from(example.layer, keys, head) if run is None else run.weights(head, keys)
    names, labels = example.names(keys), example.labels(keys)
    figure = table_cells(rows[:, keys], (names, names), (labels, labels), ("query", "key"), theme=example.theme)
    draw(figure, f"The weights of this head among the shown tokens, {title}.")


def _arranged(example: Example, order: str, placed: bool) -> Arranged:
    recording = example.recording
    movable = np.flatnonzero(~recording.special)
    places = np.arange(recording.num_tokens)
    if order == "reversed":
        places[movable] = movable[::-1]
    elif order == "shuffled":
        places[movable] = np.random.default_rng(0).permutation(movable)

    def compute() -> Arranged:
        with working(st.empty(), "Running the model", example.layer + 1) as on_layer:
            return arranged(example.model.network.encoder, example.embedding(), example.layer, places, placed, on_layer)

    return example.kept.derive(("arranged", order, placed, example.layer), compute)


def _encodings(example: Example) -> None:
    recording, model, theme = example.recording, example.model, example.theme
    if isinstance(model, TextModel):
        shown = min(recording.num_tokens, POSITIONS)
        learned = model.network.positions(shown).detach().float().cpu().numpy()
        st.caption(f"This model's own, learned: the cosine of each of the first {shown} positions to each other")
        alike = cosines(learned[None], learned[:, None])
        draw(number_cells(alike, ("position", "position"), theme), "How alike the learned positions are.")
    else:
        grid = model.network.positions.weight.detach().float().cpu().numpy()  # [row, column, width]
        rows, columns = grid.shape[:2]
        st.caption(
            f"This model's own, learned on {rows} × {columns} places. A tile is one place, from the upper left to the "
            "lower right: how alike the encodings of all places are to its own (orange: alike, blue: opposed)."
        )
        down, across = (np.linspace(0, count - 1, TILES).round().astype(int) for count in (rows, columns))
        alike = np.stack([np.stack([cosines(grid, grid[row, column]) for column in across]) for row in down])
        draw(similarity_tiles(alike, theme), "Tiles: the encodings of places near each other are alike.")
    waves = sinusoidal_positions(POSITIONS, example.width)[:, :NUMBERS].numpy()
    st.caption(f"Sines and cosines (2017): {POSITIONS} positions, the first {NUMBERS} of {example.width} numbers")
    draw(number_cells(waves, ("position", "number"), theme), "The sinusoidal position encodings.")
