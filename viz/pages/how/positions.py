"""Step 3: where a word is."""

import numpy as np
import streamlit as st

from headlens.model.analysis.rows import cosines
from headlens.model.inputs.patches import cut_patches, join_patches
from headlens.model.nn.positional import sinusoidal_positions
from headlens.model.trace.positions import biases, falls_with_distance, grid_of, is_learned, rotations
from headlens.model.trace.runs import ReorderedRun
from headlens.viz.figures.cells import number_cells, table_cells
from headlens.viz.figures.mosaics import similarity_tiles
from headlens.viz.inputs.knob import knob
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import draw_keys, draw_photo, formulas, shapes
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import working
from headlens.viz.view.visible import visible

POSITIONS, NUMBERS = 64, 128  # of the encodings that are drawn
TILES = 6  # a side, of positions on a ViT's grid
WORDS = 40  # that are written out, of a text in another order
ROUNDING = 3e-5  # largest difference between rows that count as the same, in shares of the largest number
ORDERS = {"read": "as it is", "reversed": "reversed", "shuffled": "shuffled"}


def positions(example: Example) -> None:
    """Step 3: how a model knows the order of its tokens."""
    st.markdown(
        "Attention compares rows; it does not know which came first. Without help, another order of the input gives "
        "the same rows in another order. So **position encodings** tell it: in 2017 sines and cosines that were added "
        f"to the rows, the formulas below; in this model {_encoding(example)}."
    )
    formulas(r"PE_{(pos, 2i)} = \sin(pos / 10000^{2i/d})", r"PE_{(pos, 2i+1)} = \cos(pos / 10000^{2i/d})")
    _order(example)
    with st.expander("The encodings themselves", expanded=True):
        _encodings(example)


def _encoding(example: Example) -> str:
    """How the model is told the positions, in words."""
    network = example.model.network
    ways = []
    if example.embedding().positions is not None:
        learned = "a learned vector for each position, added to the token's row"
        ways.append(learned if is_learned(network) else "sines and cosines, added to the rows")
    if rotations(network):
        ways.append("queries and keys rotated by an angle that grows with the position (RoPE)")
    if biases(network):
        ways.append("a learned number for each distance, added to the scores")
    if falls_with_distance(network):
        ways.append("a number subtracted from each score, larger with distance (ALiBi: Press et al. 2022, section 3)")
    return " and ".join(ways) or "a way of its own, which is not known here"


def _order(example: Example) -> None:
    """The model really run on another order, or without positions."""
    without_positions = example.anatomy.knows_positions
    with st.container(horizontal=True):
        order = knob(
            st.segmented_control,
            "Order of the input",
            "order",
            options=tuple(ORDERS),
            start="shuffled",
            format_func=ORDERS.get,
            required=True,
            help="The model runs on its tokens in this order; special tokens stay where they are.",
        )
        encodings = "with"
        if without_positions:
            encodings = knob(
                st.segmented_control,
                "Positions",
                "positions",
                options=("with", "without"),
                start="without",
                format_func={"with": "with encodings", "without": "without any"}.get,
                required=True,
                help="Without: the same weights run with every position encoding left out.",
            )
    if not without_positions:
        st.caption("It is not known here how to leave this model's positions out; it runs with them.")
    run, in_order = (_reordered_run(example, each, encodings == "with") for each in (order, "read"))
    _show_order(example, order)
    shapes(rows=tuple(run.out.shape))
    left = "as trained" if order == "read" else f"as it is, {encodings} positions"
    runs = {left: None if order == "read" else in_order, f"{ORDERS[order]}, {encodings} positions": run}
    for column, (title, each) in zip(st.columns(2), runs.items()):
        with column:
            st.caption(f"Layer {example.layer}, head {example.head}: {title}")
            _map(example, title, each)
    query = np.array([example.query])
    columns = {
        title: example.weights if each is None else each.weights(example.head, query)[0] for title, each in runs.items()
    }
    draw_keys(example, columns, "Bars: the weight of each key in the one run and in the other.", shared=True)
    _compare(example, order, encodings, run=run, in_order=in_order)


def _show_order(example: Example, order: str) -> None:
    """What the model reads: the tokens in their order, or the photo with its patches moved."""
    recording, indices = example.recording, _indices(example, order)
    if order == "read":
        return
    if recording.photo is None:
        shown = [visible(recording.tokens[index]) for index in indices[:WORDS]]
        st.text("The model reads: " + " ".join(shown) + (" …" if len(indices) > WORDS else ""))
        return
    pixels, grid = recording.photo.pixels, recording.photo.grid
    moved = cut_patches(pixels, grid, axis=0)[indices[recording.prefix_tokens :] - recording.prefix_tokens]
    picture = join_patches(moved, grid, axis=0)
    st.image(picture, caption="What the model reads", width=240)


def _compare(example: Example, order: str, encodings: str, *, run: ReorderedRun, in_order: ReorderedRun) -> None:
    """Whether each token's row is the same in both orders."""
    if order == "read":
        st.text("Nothing was moved: choose another order, and see whether the rows follow their tokens.")
        return
    apart, largest = (float(rows.abs().max()) for rows in (run.out - in_order.out, in_order.out))
    same = apart <= ROUNDING * largest
    st.text(
        f"After layer {example.layer}, {encodings} positions, each token's row "
        + ("is the same in both orders: the rows follow their tokens" if same else "differs: the order matters")
        + f" (largest difference {apart:.1e}, of numbers up to {largest:.3g})."
    )
    if encodings == "without" and not same:
        masked = example.inputs.causal or not example.seen.all()
        st.text(
            "What a query may look at depends on its position in this model: that too tells it an order."
            if masked
            else "Something else in this model tells it an order: a convolution, or positions in a way not known here."
        )


def _map(example: Example, title: str, run: ReorderedRun | None) -> None:
    """This head as the model was trained (None) or in a run: over the photo, or among the shown tokens of a text."""
    recording, head = example.recording, example.head
    if recording.photo is not None:
        weights = example.weights if run is None else run.weights(head, np.array([example.query]))[0]
        draw_photo(example, weights, f"The photo with the weights of the query as heat, {title}.")
        return
    keys = example.keys
    rows = recording.attention_from(example.layer, keys, head) if run is None else run.weights(head, keys)
    names, labels = example.names(keys), example.labels(keys)
    figure = table_cells(rows[:, keys], (names, names), (labels, labels), titles=("query", "key"), theme=example.theme)
    draw_figure(figure, f"The weights of this head among the shown tokens, {title}.")


def _indices(example: Example, order: str) -> np.ndarray:
    """[position], the index of the token that comes there in that order."""
    movable, indices = np.flatnonzero(~example.recording.special), np.arange(example.recording.num_tokens)
    if order == "reversed":
        indices[movable] = movable[::-1]
    elif order == "shuffled":
        indices[movable] = np.random.default_rng(0).permutation(movable)
    return indices


def _reordered_run(example: Example, order: str, encodings: bool) -> ReorderedRun:
    def compute() -> ReorderedRun:
        with working(st.empty(), "Running the model", example.layer + 1) as on_layer:
            indices = _indices(example, order)
            return example.anatomy.run_reordered(example.layer, indices, positions=encodings, on_layer=on_layer)

    return example.entry.derive(("reordered", order, encodings, example.layer), compute)


def _encodings(example: Example) -> None:
    recording, theme, added = example.recording, example.theme, example.embedding().positions
    grid = None if recording.photo is None else grid_of(example.model.network, recording.prefix_tokens)
    if added is not None and grid is not None:
        _tiles(example, grid.float().cpu().numpy())
    elif added is not None:
        rows = added[:POSITIONS].float().cpu().numpy()
        st.caption(f"This model's own: the cosines between what the first {len(rows)} positions add")
        alike = cosines(rows[None], rows[:, None])
        draw_figure(number_cells(alike, ("position", "position"), theme), "How alike the positions are.")
    if rotations(example.model.network) and (cosine := example.residual_stream().cosines[example.layer]) is not None:
        shown = cosine[:POSITIONS, :NUMBERS].float().cpu().numpy()
        st.caption(
            f"This model's own: pairs of numbers of each query and key are rotated (Su et al. 2021, equation 15). The "
            f"cosines of the angles in layer {example.layer}, at the first {len(shown)} positions"
        )
        draw_figure(number_cells(shown, ("position", "number"), theme), "The cosines of the angles of the rotation.")
    if biases(example.model.network) and (bias := recording.mask(example.layer, example.head)) is not None:
        st.caption("This model's own: what this head adds to the score of each key, by its position")
        row = np.broadcast_to(bias, (recording.num_tokens, bias.shape[-1]))[example.query]
        draw_keys(example, {"added": row}, "Bars: what is added to the score of each key.")
    width = example.width
    waves = sinusoidal_positions(POSITIONS, width)[:, :NUMBERS].numpy()
    st.caption(f"Sines and cosines (2017): {POSITIONS} positions, the first {waves.shape[1]} of {width} numbers")
    draw_figure(number_cells(waves, ("position", "number"), theme), "The sinusoidal position encodings.")


def _tiles(example: Example, grid: np.ndarray) -> None:
    """How alike a ViT's positions [row, column, width] are."""
    rows, columns = grid.shape[:2]
    st.caption(
        f"This model's own, learned on {rows} × {columns} positions. A tile is one position, from the upper left to "
        "the lower right: how alike the encodings of all positions are to its own (orange: alike, blue: opposed)."
    )
    down, across = (np.linspace(0, count - 1, min(TILES, count)).round().astype(int) for count in (rows, columns))
    alike = np.stack([np.stack([cosines(grid, grid[row, column]) for column in across]) for row in down])
    draw_figure(similarity_tiles(alike, example.theme), "Tiles: the encodings of positions near each other are alike.")
