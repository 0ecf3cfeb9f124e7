"""Steps 8 and 9: the encoder layer, and a stack of them."""

import numpy as np
import streamlit as st

from headlens.model.analysis.rows import cosines_over_layers, neighbours
from headlens.model.trace.layer import TokenTrace
from headlens.model.trace.parts import Architecture
from headlens.viz.figures.columns import bar_columns
from headlens.viz.figures.curves import curves, head_distances
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import formulas, shapes
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import working
from headlens.viz.view.derived import heads_measured
from headlens.viz.view.view import View

NORMS = {  # in words, and as formulas
    Architecture.PRE_NORM: (
        "this model normalises what each part reads.",
        (r"y = x + \mathrm{MultiHead}(\mathrm{norm}(x))", r"z = y + \mathrm{FFN}(\mathrm{norm}(y))"),
    ),
    Architecture.POST_NORM: (
        "this model normalises after each addition.",
        (r"y = \mathrm{norm}(x + \mathrm{MultiHead}(x))", r"z = \mathrm{norm}(y + \mathrm{FFN}(y))"),
    ),
    Architecture.SANDWICH_NORM: (
        "this model normalises what each part reads, and what it gives.",
        (
            r"y = x + \mathrm{norm}(\mathrm{MultiHead}(\mathrm{norm}(x)))",
            r"z = y + \mathrm{norm}(\mathrm{FFN}(\mathrm{norm}(y)))",
        ),
    ),
    Architecture.OUTPUT_NORM: (
        "this model normalises what each part gives.",
        (r"y = x + \mathrm{norm}(\mathrm{MultiHead}(x))", r"z = y + \mathrm{norm}(\mathrm{FFN}(y))"),
    ),
    Architecture.PARALLEL: (
        "this model normalises what both parts read; both read the same row, side by side.",
        (r"z = x + \mathrm{MultiHead}(\mathrm{norm}(x)) + \mathrm{FFN}(\mathrm{norm}(x))",),
    ),
}

SCALED = (
    r"y = x + \lambda_1\,\mathrm{MultiHead}(\mathrm{norm}(x))",
    r"z = y + \lambda_2\,\mathrm{FFN}(\mathrm{norm}(y))",
)


def encoder_layer(example: Example) -> None:
    """Step 8: the residual stream, the norms, the feed-forward network."""
    trace, run = example.token_trace(), example.residual_stream()
    words, additions = NORMS[trace.architecture]
    st.markdown(
        "A layer has two parts. Attention fetches from other tokens; the **feed-forward network** works on each token "
        "by itself. Each **adds** to the row instead of replacing it: the row is a stream that the parts read from and "
        f"write into. A **layer norm** keeps its numbers in range: {words}"
    )
    same = np.allclose(trace.attention_adds, trace.projection_output, rtol=1e-2, atol=1e-3)
    scaled = trace.architecture is Architecture.PRE_NORM and not same
    formulas(*(SCALED if scaled else additions))
    if trace.keeps_mean:
        st.caption("This model's norm scales a row and leaves its mean: RMSNorm (Zhang and Sennrich 2019, equation 4).")
    _feed_forward(example, trace)
    rows = {
        "x: goes in": trace.hidden,
        "attention adds": trace.attention_adds,
        "y: between": trace.between,
        "FFN adds": trace.mlp_adds,
        "z: comes out": trace.out,
    }
    norms = {name: np.linalg.norm(row) for name, row in rows.items() if row is not None}
    st.text(f"The row of {example.name} in layer {example.layer}, its norm:")
    draw_figure(
        bar_columns(list(norms), list(norms), {"norm": np.array([*norms.values()])}, theme=example.theme),
        "Bars: the norm of the row before, within and after the layer, and of what is added.",
    )
    own = run.stream[example.layer + 1, example.query].float().cpu().numpy()
    apart = np.abs(own - trace.out).max()
    st.text(f"Run again by itself, the layer gives the model's own row; the largest difference is {apart:.1e}.")
    st.markdown("The same over all layers, the mean over all tokens:")
    lines = {
        "the row": run.stream[:-1].norm(dim=-1).mean(dim=-1).float().cpu().numpy(),
        "attention adds": run.attention_adds.mean(dim=-1).float().cpu().numpy(),
        "feed-forward adds": run.mlp_adds.mean(dim=-1).float().cpu().numpy(),
    }
    draw_figure(
        curves(
            range(example.recording.num_layers), lines, ("layer", "norm"), marked=example.layer, theme=example.theme
        ),
        "Lines over the layers: the norm of the rows, of what attention adds, and of what feed-forward adds.",
    )


def _feed_forward(example: Example, trace: TokenTrace) -> None:
    """The formula of the feed-forward network, as far as its linear maps show it, and their shapes."""
    maps = trace.mlp
    gated = len(maps) == 3 or (len(maps) == 2 and maps[0][1] == 2 * maps[1][0])
    if gated:
        formulas(r"\mathrm{FFN}(y) = (f(y W_1) \odot y W_3)\, W_2")
    elif len(maps) == 2:
        first, second = (" + b_1", " + b_2") if "mlp" in trace.biased else ("", "")
        formulas(rf"\mathrm{{FFN}}(y) = f(y W_1{first})\, W_2{second}")
    if gated or len(maps) == 2:
        activation = "f is an activation function, GELU or one like it: without it, two linear maps would be one."
        st.caption(activation + (" A second map gates it (Shazeer 2020)." if gated else ""))
    elif not maps:
        st.caption(
            "The feed-forward network of this model is several, the experts; each token goes through some of them "
            "(Shazeer et al. 2017)."
        )
    names = ("W_1", "W_2") if len(maps) == 2 else ("W_1", "W_3", "W_2")
    shapes(x=(example.recording.num_tokens, example.width), **dict(zip(names, maps)))


def stack(example: Example) -> None:
    """Step 9: a token over the layers, and how far heads look."""
    recording = example.recording
    stream = example.residual_stream().stream.float().cpu().numpy()
    beside = neighbours(recording.num_tokens, example.query, prefix_tokens=recording.prefix_tokens, grid=recording.grid)
    began, near, everyone = cosines_over_layers(stream, example.query, beside)
    st.markdown(
        f"This model stacks {recording.num_layers} such layers. Going up, a row says less of its own word or patch "
        "alone and more of what surrounds it: its cosine to where it began mostly falls. Whether rows grow more alike "
        "is another matter: see the third line."
    )
    formulas(r"\cos(a, b) = \frac{a \cdot b}{\lVert a \rVert \lVert b \rVert}")
    shapes(stream=stream.shape)
    st.text(f"The row of {example.name}, its cosine to:")
    lines = {"where it began": began, "its neighbours": near, "all tokens": everyone}
    draw_figure(
        curves(np.arange(len(stream)), lines, ("layers passed", "cosine"), marked=example.layer, theme=example.theme),
        "Lines over the layers: cosine of the row to where it began, to its neighbours and to all tokens.",
    )
    unit = "tokens" if recording.grid is None else "patches"
    st.markdown(
        "How far a head looks: the mean distance from a query to its keys, each by its weight. A CNN's first layers "
        "see a few pixels; heads may look as far as the input reaches from the first layer on. The diamond is your "
        "head."
    )
    view = View(example.layer, example.head, example.query, order="distance")
    slot = st.empty()
    distances = heads_measured(example.entry, view, lambda what, layers: working(slot, what, layers))
    assert distances is not None  # an order was named
    draw_figure(
        head_distances(distances, unit, (example.layer, example.head), theme=example.theme),
        "Points: for each layer, how far each of its heads looks on average.",
    )
    st.text(
        f"Layer {example.layer}, head {example.head} looks {distances[example.layer, example.head]:.2f} {unit} away on "
        f"average; the heads of layer 0 between {distances[0].min():.2f} and {distances[0].max():.2f}."
    )
