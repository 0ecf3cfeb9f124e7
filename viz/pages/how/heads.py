"""Steps 4 and 7: query, key and value of a token; what all heads of the layer do with it."""

import numpy as np
import streamlit as st

from headlens.model.analysis.soft import neighbourhood
from headlens.model.trace.layer import TokenTrace
from headlens.model.trace.positions import rotations
from headlens.viz.figures.cells import table_cells, vector_strips
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.mosaics import photo_tiles
from headlens.viz.figures.tiles import overlay_tiles
from headlens.viz.pages.how.example import Example, draw, formulas, shapes


def projections(example: Example) -> None:
    """Step 4: three linear maps of one row."""
    layer, head, query = example.layer, example.head, example.query
    recording, taken = example.recording, example.steps()
    width, heads = example.width, example.heads
    d_head, key_heads = example.d_head, heads.key.shape[0]
    st.markdown(
        "Three linear maps make of each row a **query** (what it asks for), a **key** (what it is found by) and a "
        f"**value** (what it gives). A head owns {d_head} columns of each map, W below; all were learned."
        + (
            f" Here {recording.num_heads // key_heads} heads side by side share one key and one value "
            "(Ainslie et al. 2023, GQA)."
            if key_heads < recording.num_heads
            else ""
        )
    )
    bias = " + b_{}" if "projections" in taken.biased else ""
    formulas(*(f"{small} = x W_{large}{bias.format(large)}" for small, large in zip("qkv", "QKV")))
    shapes(
        x=(recording.num_tokens, width),
        W_Q=(width, d_head),
        Q=recording.query(layer, head).shape,
        K=recording.key(layer, head).shape,
        V=recording.value(layer, head).shape,
    )
    reads = "as it comes from the layer before" if np.array_equal(taken.reads, taken.hidden) else "after the layer norm"
    st.text(f"The row of {example.name}, {reads}:")
    draw(
        vector_strips(["x"], ["x"], taken.reads[None], theme=example.theme),
        "A strip: the row that goes into layer, number by number.",
    )
    own = np.stack([part(layer, head)[query] for part in (recording.query, recording.key, recording.value)])
    st.text(f"Layer {layer}, head {head} makes of it:")
    draw(
        vector_strips(["query", "key", "value"], ["q", "k", "v"], own, theme=example.theme),
        "Three strips: the query, the key and the value of this token, number by number.",
    )
    lengths = np.linalg.norm(own, axis=-1)
    st.text(f"Lengths: q {lengths[0]:.2f}, k {lengths[1]:.2f}, v {lengths[2]:.2f}. {_anew(example, taken, own[0])}")


def _anew(example: Example, taken: TokenTrace, query: np.ndarray) -> str:
    """How the recorded query of the head is what the row's map makes of it."""
    if taken.projected is None:
        return "This model makes all three by one linear map."
    projected = taken.projected[example.head]
    apart = np.abs(projected - query).max()
    if apart < 1e-3 * np.abs(query).max():
        return f"Computed anew from the row, q differs from the recorded one by at most {apart:.1e}."
    length = np.linalg.norm(projected)
    if rotations(example.model.network) and np.isclose(length, np.linalg.norm(query), rtol=1e-3):
        return f"By the map alone q is {length:.2f} long too: its place then turns it, which keeps its length (RoPE)."
    return f"By the map alone q is {length:.2f} long: this model then norms, scales or turns it."


def all_heads(example: Example) -> None:
    """Step 7: the same query in every head; what each writes."""
    recording, theme = example.recording, example.theme
    num_heads, taken = recording.num_heads, example.steps()
    bias = " + b_O" if "output" in taken.biased else ""
    assert taken.context is not None  # else this step is not shown
    st.markdown(
        f"One head can mix in one way only. So this layer has {num_heads} side by side, each with its own small "
        "queries. Their context vectors are put one after the other, and one more linear map, the "
        "output projection, writes them into the row. Split by heads, that map says how much each head writes."
    )
    formulas(
        rf"o = \mathrm{{Concat}}(c_1, \dots, c_h)\, W_O{bias}",
        rf"= \textstyle\sum_i c_i W_O^i{bias}",
    )
    shapes(contexts=taken.context.shape, W_O=(taken.given.size, example.width), output=taken.attended.shape)
    st.text(f"From {example.name}, every head of layer {example.layer}:")
    names = [f"head {head}" for head in range(num_heads)]
    labels = [str(head) for head in range(num_heads)]
    if recording.photo is None:
        keys = neighbourhood(taken.weights.max(axis=0), example.query)
        keys = keys[example.seen[keys]]
        figure = table_cells(
            taken.weights[:, keys],
            (names, example.names(keys)),
            (labels, example.labels(keys)),
            titles=("head", "key"),
            theme=theme,
        )
        draw(figure, "A table: the weight that each head of this layer gives to each key.")
        if len(keys) < recording.num_tokens:
            st.caption(f"{len(keys)} of {recording.num_tokens:,} keys are shown: where any head gives most.")
    else:
        patches = taken.weights[:, recording.prefix_tokens :].reshape(1, num_heads, *recording.photo.grid)
        tiles = overlay_tiles(recording.photo.pixels, patches)
        columns = 3 if num_heads < 10 else 4
        draw(photo_tiles(tiles[0], columns, theme), "The photo once for each head, with that head's weights as heat.")
        line, place = divmod(example.head, columns)
        st.caption(
            f"Heads 0 to {num_heads - 1}, {columns} in a line, each with its own colour scale; head {example.head} is "
            f"number {place + 1} of line {line + 1}."
        )
    context = np.linalg.norm(taken.context, axis=-1)
    if taken.writes is None:
        draw(
            bar_columns(names, names, {"context": context}, marked=example.head, theme=theme),
            "Bars: the length of each head's context vector.",
        )
        st.text("A gate or a norm lies between these and the output projection: what each writes cannot be told apart.")
        return
    writes = np.linalg.norm(taken.writes, axis=-1)
    draw(
        bar_columns(names, names, {"context": context, "writes": writes}, marked=example.head, theme=theme),
        "Bars: the length of each head's context vector, and of what it writes.",
    )
    apart = np.abs(taken.writes.sum(axis=0) + taken.bias - taken.attended).max()
    everything = "All heads and the bias" if bias else "All heads"
    st.text(
        f"What head {example.head} writes is {writes[example.head]:.3f} long. {everything} "
        f"together are {np.linalg.norm(taken.attended):.3f} long: summed here, they differ from the projection by "
        f"{apart:.1e}."
    )
