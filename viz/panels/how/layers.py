"""Steps 8 and 9: the encoder layer, and a stack of them."""

import numpy as np
import streamlit as st

from model.analysis.rows import moved, neighbours
from viz.address import View
from viz.components.payload import heads_measured
from viz.figures.columns import bar_columns
from viz.figures.curves import curves, head_distances
from viz.panels.how.example import Example, draw, formulas, shapes
from viz.panels.recorder import working


def encoder_layer(example: Example) -> None:
    """Step 8: the residual stream, the norms, the feed-forward network."""
    layer, taken, run = example.encoder_layer, example.steps(), example.walk()
    st.markdown(
        "A layer has two parts. Attention fetches from other tokens; the **feed-forward network** works on each token "
        "by itself. Each **adds** to the row instead of replacing it: the row is a stream that the parts read from and "
        "write into. A **layer norm** keeps its numbers in range: "
        + ("this model norms what each part reads." if layer.pre_norm else "this model norms after each addition.")
    )
    if layer.pre_norm:
        formulas(
            r"y = x + \lambda_1\,\mathrm{MultiHead}(\mathrm{norm}(x))",
            r"z = y + \lambda_2\,\mathrm{FFN}(\mathrm{norm}(y))",
        )
    else:
        formulas(r"y = \mathrm{norm}(x + \mathrm{MultiHead}(x))", r"z = \mathrm{norm}(y + \mathrm{FFN}(y))")
    formulas(r"\mathrm{FFN}(y) = \mathrm{GELU}(y W_1 + b_1)\, W_2 + b_2")
    shapes(x=(example.recording.num_tokens, example.width), W_1=tuple(next(layer.mlp.parameters()).shape)[::-1])
    stages = {
        "x: goes in": taken.hidden,
        "attention adds": taken.attention_adds,
        "y: between": taken.between,
        "FFN adds": taken.mlp_adds,
        "z: comes out": taken.out,
    }
    st.text(f"The row of {example.name} in layer {example.layer}, its length:")
    lengths = np.array([np.linalg.norm(stage) for stage in stages.values()])
    draw(
        bar_columns(list(stages), list(stages), {"length": lengths}, theme=example.theme),
        "Bars: the length of the row before, within and after the layer, and of what is added.",
    )
    own = run.stream[example.layer + 1, example.query].float().cpu().numpy()
    st.text(f"What comes out differs from the model's own run by at most {np.abs(own - taken.out).max():.1e}.")
    st.markdown("The same over all layers, the mean over all tokens:")
    lines = {
        "the row": run.stream[:-1].norm(dim=-1).mean(dim=-1).float().cpu().numpy(),
        "attention adds": run.attention_adds.mean(dim=-1).float().cpu().numpy(),
        "feed-forward adds": run.mlp_adds.mean(dim=-1).float().cpu().numpy(),
    }
    draw(
        curves(range(example.recording.num_layers), lines, ("layer", "length"), example.layer, theme=example.theme),
        "Lines over the layers: the length of the rows, of what attention adds, and of what feed-forward adds.",
    )


def stack(example: Example) -> None:
    """Step 9: a token over the layers, and how far heads look."""
    recording = example.recording
    stream = example.walk().stream.float().cpu().numpy()
    beside = neighbours(recording.num_tokens, example.query, recording.prefix_tokens, recording.grid)
    began, near, everyone = moved(stream, example.query, beside)
    st.markdown(
        f"This model stacks {recording.num_layers} such layers. Going up, a row says less of its own word or patch "
        "alone and more of what surrounds it: mostly its cosine to where it began falls, and rows grow more alike."
    )
    formulas(r"\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \lVert b \rVert}")
    shapes(stream=stream.shape)
    st.text(f"The row of {example.name}, its cosine to:")
    lines = {"where it began": began, "its neighbours": near, "all tokens": everyone}
    draw(
        curves(np.arange(len(stream)), lines, ("layers behind it", "cosine"), example.layer, theme=example.theme),
        "Lines over the layers: cosine of the row to where it began, to its neighbours and to all tokens.",
    )
    unit = "tokens" if recording.grid is None else "patches"
    st.markdown(
        "How far a head looks: the mean distance from a query to its keys, each by its weight. A CNN's first layers "
        "see a few pixels; heads may look across the whole input from the first layer on."
    )
    view = View(example.layer, example.head, example.query, order="distance")
    place = st.empty()
    distances = heads_measured(example.kept, view, lambda what, layers: working(place, what, layers))
    assert distances is not None  # an order was named
    draw(
        head_distances(distances, unit, (example.layer, example.head), example.theme),
        "Points: for each layer, how far each of its heads looks on average.",
    )
    st.text(
        f"Layer {example.layer}, head {example.head} looks {distances[example.layer, example.head]:.2f} {unit} away on "
        f"average; the heads of layer 0 between {distances[0].min():.2f} and {distances[0].max():.2f}."
    )
