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
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import formulas, shapes
from headlens.viz.pages.parts import draw_figure


def projections(example: Example) -> None:
    """Step 4: three linear maps of one row."""
    layer, head, query = example.layer, example.head, example.query
    recording, trace = example.recording, example.token_trace()
    width, d_head, key_heads = example.width, example.d_head, example.inputs.key.shape[0]
    st.markdown(
        "Three linear maps make of each row a **query** (what it asks for), a **key** (what it is found by) and a "
        f"**value** (what it gives). A head owns {d_head} columns of each map, W below; all were learned."
        + (
            f" Here {recording.num_heads // key_heads} heads share one key and one value each "
            "(Ainslie et al. 2023, GQA)."
            if key_heads < recording.num_heads
            else ""
        )
    )
    bias = " + b_{}" if "projections" in trace.biased else ""
    formulas(*(f"{small} = x W_{large}{bias.format(large)}" for small, large in zip("qkv", "QKV")))
    shapes(
        x=(recording.num_tokens, width),
        W_Q=(width, d_head),
        Q=recording.query(layer, head).shape,
        K=recording.key(layer, head).shape,
        V=recording.value(layer, head).shape,
    )
    reads = "as it comes from the layer before" if np.array_equal(trace.reads, trace.hidden) else "after the layer norm"
    st.text(f"The row of {example.name}, {reads}:")
    draw_figure(
        vector_strips(["x"], ["x"], trace.reads[None], theme=example.theme),
        "A strip: the row that goes into the layer, number by number.",
    )
    own = np.stack([part(layer, head)[query] for part in (recording.query, recording.key, recording.value)])
    st.text(f"Layer {layer}, head {head} makes of it:")
    draw_figure(
        vector_strips(["query", "key", "value"], ["q", "k", "v"], own, theme=example.theme),
        "Three strips: the query, the key and the value of this token, number by number.",
    )
    norms = np.linalg.norm(own, axis=-1)
    st.text(f"Norms: q {norms[0]:.2f}, k {norms[1]:.2f}, v {norms[2]:.2f}. {_recomputed(example, trace, own[0])}")


def _recomputed(example: Example, trace: TokenTrace, query: np.ndarray) -> str:
    """How the recorded query [d_head] follows from the row."""
    if trace.projected is None:
        return "This model makes all three by one linear map."
    projected = trace.projected[example.head]
    apart = np.abs(projected - query).max()
    if apart < 1e-3 * np.abs(query).max():
        return f"Computed anew from the row, q differs from the recorded one by at most {apart:.1e}."
    norm = np.linalg.norm(projected)
    if rotations(example.model.network) and np.isclose(norm, np.linalg.norm(query), rtol=1e-3):
        return f"By the map alone the norm of q is {norm:.2f} too: the rotation by its position keeps it (RoPE)."
    return f"By the map alone the norm of q is {norm:.2f}: this model then normalises, scales or rotates it."


def all_heads(example: Example) -> None:
    """Step 7: the same query in every head; what each writes."""
    recording, theme = example.recording, example.theme
    num_heads, trace = recording.num_heads, example.token_trace()
    bias = " + b_O" if "output" in trace.biased else ""
    assert trace.context is not None  # else this step is not shown
    st.markdown(
        f"One head can mix in one way only. So this layer has {num_heads} side by side, each with its own small "
        "queries. Their context vectors are concatenated, and one more linear map, the "
        "output projection, writes them into the row. Split by heads, that map says how much each head writes."
    )
    formulas(
        rf"o = \mathrm{{Concat}}(c_1, \dots, c_h)\, W_O{bias}",
        rf"= \textstyle\sum_i c_i W_O^i{bias}",
    )
    shapes(
        contexts=trace.context.shape,
        W_O=(trace.projection_input.size, example.width),
        output=trace.projection_output.shape,
    )
    st.text(f"From {example.name}, every head of layer {example.layer}:")
    names = [f"head {head}" for head in range(num_heads)]
    labels = [str(head) for head in range(num_heads)]
    if recording.photo is None:
        keys = neighbourhood(trace.weights.max(axis=0), example.query)
        keys = keys[example.seen[keys]]
        figure = table_cells(
            trace.weights[:, keys],
            (names, example.names(keys)),
            (labels, example.labels(keys)),
            titles=("head", "key"),
            theme=theme,
        )
        draw_figure(figure, "A table: the weight that each head of this layer gives to each key.")
        if len(keys) < recording.num_tokens:
            st.caption(f"{len(keys)} of {recording.num_tokens:,} keys are shown: where any head gives most.")
    else:
        patches = trace.weights[:, recording.prefix_tokens :].reshape(1, num_heads, *recording.photo.grid)
        tiles = overlay_tiles(recording.photo.pixels, patches)
        columns = 3 if num_heads < 10 else 4
        draw_figure(
            photo_tiles(tiles[0], columns, theme), "The photo once for each head, with that head's weights as heat."
        )
        row, column = divmod(example.head, columns)
        st.caption(
            f"Heads 0 to {num_heads - 1}, {columns} in a row, each with its own colour scale; head {example.head} is "
            f"in row {row + 1}, column {column + 1}."
        )
    context = np.linalg.norm(trace.context, axis=-1)
    if trace.head_outputs is None:
        draw_figure(
            bar_columns(names, names, {"context": context}, marked=example.head, theme=theme),
            "Bars: the norm of each head's context vector.",
        )
        st.text(
            "A gate or a norm lies between these and the output projection: what each head writes cannot be told apart."
        )
        return
    writes = np.linalg.norm(trace.head_outputs, axis=-1)
    draw_figure(
        bar_columns(names, names, {"context": context, "writes": writes}, marked=example.head, theme=theme),
        "Bars: the norm of each head's context vector, and of what it writes.",
    )
    apart = np.abs(trace.head_outputs.sum(axis=0) + trace.bias - trace.projection_output).max()
    everything = "All heads and the bias" if bias else "All heads"
    st.text(
        f"What head {example.head} writes has a norm of {writes[example.head]:.3f}. {everything} "
        f"together have one of {np.linalg.norm(trace.projection_output):.3f}: summed here, they differ from the output "
        f"projection by {apart:.1e}."
    )
