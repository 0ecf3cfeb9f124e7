"""Step 12: what attention costs."""

import numpy as np
import streamlit as st
from torch import nn

from headlens.model.analysis.flops import LayerTimes, multiplications, time_layer
from headlens.model.trace.layer import has_experts
from headlens.viz.figures.curves import curves
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import formulas, shapes, table
from headlens.viz.pages.parts import draw_figure
from headlens.viz.pages.runtime import working

LENGTHS = (64, 128, 256, 512, 1024)
TABLE = {
    "layer": ["self-attention", "recurrent", "convolution of width k"],
    "operations": ["O(n² · d)", "O(n · d²)", "O(k · n · d²)"],
    "sequential operations": ["O(1)", "O(n)", "O(1)"],
    "longest path between two tokens": ["O(1)", "O(n)", "O(logₖ n), dilated"],
}


def cost(example: Example) -> None:
    """Step 12: counted, measured, and compared with recurrence."""
    n, maps = example.recording.num_tokens, example.anatomy.linear_maps(example.residual_stream(), example.layer)
    squared, linear = multiplications(maps, example.inputs, n)
    even = linear * n // squared
    st.markdown(
        "Every query meets every key: twice as many tokens, four times the scores. The linear maps only double. For "
        "short inputs the linear maps cost most; for long ones the scores do."
    )
    formulas(r"n^2\, h\, (d_k + d_v) \;\text{(scores and mixing)}", r"n \times \text{parameters (linear maps)}")
    shapes(scores=(example.recording.num_heads, n, n), rows=(n, example.width))
    st.text(
        f"One layer on your {n:,} tokens: {squared:,} multiplications for scores and mixing, {linear:,} for the linear "
        f"maps. Both cost the same at {even:,} tokens."
    )
    if has_experts(example.anatomy.layer(example.residual_stream(), example.layer)):
        st.caption("The experts of this model are not counted: each token goes through some of them only.")
    _measured(example, maps)
    st.markdown(
        "**Long-range dependencies.** In a recurrent network, what the first token says reaches the last through all "
        "tokens between them; attention joins any two directly, and computes all tokens at once."
    )
    table(TABLE)
    st.text(
        f"In your input the path from the first token to the last has a length of 1; in a recurrent network it would "
        f"be {n - 1:,}."
    )


def _measured(example: Example, maps: tuple[nn.Module, ...]) -> None:
    state, name = st.session_state, example.recording.model.name
    measurements: dict[str, list[LayerTimes]] = state.setdefault("how_layer_times", {})
    button, progress = st.empty(), st.empty()
    if state.pop("how_measure", False):
        # Any control that is used now starts another run of the page, which stops this one at its progress bar.
        button.button("Cancel", key="how_cancel", help="Stop measuring; nothing of it is kept.")
        times = []
        with working(progress, "Measuring", len(LENGTHS), part="length") as on_length:
            for index, length in enumerate(LENGTHS):
                times.append(time_layer(maps, example.inputs, length))
                on_length(index)
        measurements[name] = times
    button.button(
        "Measure on this machine",
        key="how_start",
        type="primary",
        on_click=lambda: state.update(how_measure=True),
        help="Runs one layer of this model on random rows of several lengths; takes some seconds.",
    )
    if name in measurements:
        lengths, one_by_one, at_once, linear = (np.array(part) for part in zip(*measurements[name]))
        lines = {"heads one by one": one_by_one, "all heads at once": at_once, "linear maps": linear}
        figure = curves(
            lengths,
            {what: 1000 * each for what, each in lines.items()},
            ("tokens", "ms"),
            log=True,
            theme=example.theme,
        )
        draw_figure(figure, "Lines: milliseconds of one layer over the number of tokens.")
        longest = (f"{what} {1000 * each[-1]:.1f} ms" for what, each in lines.items())
        st.text(f"On {example.recording.device}, at {lengths[-1]:,} tokens: {', '.join(longest)}.")
        st.caption(
            f"All heads in one product took {at_once[-1] / one_by_one[-1]:.2f} × the time of one head after the other: "
            "together they keep a GPU busy that one head leaves idle, but on a few cores the numbers of one head alone "
            "stay in the cache. The scores take longer than their multiplications suggest: softmax also reads and "
            "writes each of the n² numbers."
        )
