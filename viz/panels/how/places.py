"""Step 3: where a word is."""

import numpy as np
import streamlit as st

from model.analysis.rows import cosines
from model.anatomy.anatomy import Arranged
from model.anatomy.positions import biases, grid_of, rotations, table, without
from model.nn.positional import sinusoidal_positions
from viz.figures.cells import number_cells, table_cells
from viz.figures.mosaics import similarity_tiles
from viz.panels.how.example import Example, draw, draw_keys, draw_photo, formulas, knob, shapes
from viz.panels.recorder import working

POSITIONS, NUMBERS = 64, 128  # of the encodings that are drawn
TILES = 6  # a side, of places on a ViT's grid


def positions(example: Example) -> None:
    """Step 3: order, and how it is told."""
    given, network = example.embedding(), example.model.network
    ways = [
        "a learned row for each place, added to its row" if given.places is not None else "",
        "queries and keys turned by an angle that grows with the place (RoPE)" if rotations(network) else "",
        "a learned number for each distance, added to the scores" if biases(network) else "",
    ]
    told = " and ".join(way for way in ways if way) or "a way of its own, which is not shown here"
    st.markdown(
        "Attention compares rows; it does not know which came first. Without help, another order of the input gives "
        "the same rows in another order. So each row gets a **position encoding**: in 2017 sines and cosines were "
        f"added; in this model it is {told}."
    )
    formulas(r"PE_{(pos, 2i)} = \sin(pos / 10000^{2i/d})", r"PE_{(pos, 2i+1)} = \cos(pos / 10000^{2i/d})")
    _order(example)
    with st.expander("The encodings themselves", expanded=True):
        _encodings(example)


def _order(example: Example) -> None:
    """The model really run on another order, or without positions."""
    blind = without(example.model.network) is not None  # whether it is known how to leave positions out
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
            ("with", "without") if blind else ("with",),
            "without" if blind else "with",
            format_func={"with": "with encodings", "without": "without any"}.get,
            required=True,
            help="Without: the same weights run with every position encoding left out.",
        )
    made, plain = (_arranged(example, each, placed == "with") for each in (order, "read"))
    weights = made.weights(example.head, np.array([example.query]))[0]
    change = {"read": "", "reversed": ", reversed", "shuffled": ", shuffled"}[order]
    shapes(rows=tuple(made.out.shape))
    for column, title, run in zip(st.columns(2), ("as trained", "this run"), (None, made)):
        with column:
            st.caption(f"Layer {example.layer}, head {example.head}: {title}")
            _map(example, title, run)
    draw_keys(
        example,
        {"as trained": example.weights, f"{placed} positions{change}": weights},
        "Bars: the weight of each key as the model was trained, and in this run.",
    )
    apart = float((made.out - plain.out).abs().max())
    follow = "the rows follow their tokens." if apart < 1e-3 else "the order matters."
    st.text(
        f"Rows after layer {example.layer}, {placed} positions: the largest difference between this order and the "
        f"order as it is: {apart:.1e}; " + ("nothing was moved." if order == "read" else follow)
    )
    if placed == "without" and (example.heads.causal or not example.seen.all()):
        st.caption("This model also hides keys by where they stand: that too tells an order.")


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
            return example.anatomy.arranged(example.layer, places, placed, on_layer)

    return example.kept.derive(("arranged", order, placed, example.layer), compute)


def _encodings(example: Example) -> None:
    recording, theme = example.recording, example.theme
    learned = table(example.model.network)
    grid = None if learned is None or recording.photo is None else grid_of(learned, recording.prefix_tokens)
    if grid is not None:
        _tiles(example, grid.float().cpu().numpy())
    elif learned is not None:
        rows = learned.reshape(-1, learned.shape[-1])[: min(recording.num_tokens, POSITIONS)].float().cpu().numpy()
        st.caption(f"This model's own, learned: the cosine of each of the first {len(rows)} positions to each other")
        alike = cosines(rows[None], rows[:, None])
        draw(number_cells(alike, ("position", "position"), theme), "How alike the learned positions are.")
    if (turned := example.anatomy.rotation()) is not None:
        shown = turned[:POSITIONS, :NUMBERS].float().cpu().numpy()
        st.caption(
            f"This model's own: pairs of numbers of each query and key are turned (Su et al. 2021, equation 15). The "
            f"cosines of the angles, at the first {len(shown)} places"
        )
        draw(number_cells(shown, ("position", "number"), theme), "The cosines of the angles of the rotation.")
    if biases(example.model.network) and (added := recording.mask(example.layer, example.head)) is not None:
        st.caption("This model's own: what this head adds to the score of each key, by where it stands")
        row = np.broadcast_to(added, (recording.num_tokens, added.shape[-1]))[example.query]
        draw_keys(example, {"added": row}, "Bars: what is added to the score of each key.")
    width = example.width
    waves = sinusoidal_positions(POSITIONS, width)[:, :NUMBERS].numpy()
    st.caption(f"Sines and cosines (2017): {POSITIONS} positions, the first {waves.shape[1]} of {width} numbers")
    draw(number_cells(waves, ("position", "number"), theme), "The sinusoidal position encodings.")


def _tiles(example: Example, grid: np.ndarray) -> None:
    """How alike a ViT's positions [row, column, width] are."""
    rows, columns = grid.shape[:2]
    st.caption(
        f"This model's own, learned on {rows} × {columns} places. A tile is one place, from the upper left to the "
        "lower right: how alike the encodings of all places are to its own (orange: alike, blue: opposed)."
    )
    down, across = (np.linspace(0, count - 1, min(TILES, count)).round().astype(int) for count in (rows, columns))
    alike = np.stack([np.stack([cosines(grid, grid[row, column]) for column in across]) for row in down])
    draw(similarity_tiles(alike, example.theme), "Tiles: the encodings of places near each other are alike.")
