"""Steps 1, 5 and 6: a soft dictionary, the softmax, the weighted sum."""

import math

import numpy as np
import streamlit as st

from model.analysis.heads import spread
from model.analysis.soft import at_temperature, slopes
from viz.figures.cells import vector_strips
from viz.figures.columns import bar_columns
from viz.figures.labels import percent
from viz.panels.how.example import Example, draw, draw_photo, formulas, knob, note_of_keys, shapes
from viz.wording import name_of

TEMPERATURES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 10.0)


def dictionary(example: Example) -> None:
    """Step 1: from the hard look-up to the soft one."""
    st.markdown(
        "A dictionary holds **values** under **keys**. A hard look-up takes the one key that fits the **query**. "
        "Attention takes them all, each by how well it fits: a look-up that is soft, and so can be learned."
    )
    formulas(r"w_j = \frac{e^{s_j / T}}{\sum_k e^{s_k / T}}", r"s_j = \frac{q \cdot k_j}{\sqrt{d_k}}")
    temperature = knob(
        st.select_slider,
        "Temperature T",
        "temperature",
        TEMPERATURES,
        1.0,
        help="At 0 the key with the largest score wins all; at 1 it is this head as it was trained; at 10 nearly all "
        "keys count alike.",
    )
    weights = at_temperature(example.scores, temperature)
    keys, winner = example.keys, int(example.scores.argmax())
    shapes(query=(example.d_head,), keys=example.recording.key(0, 0).shape, scores=weights.shape)
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {"score": example.scores[keys], f"weight at T = {temperature:g}": weights[keys]},
        int(np.searchsorted(keys, example.query)),
        example.theme,
    )
    draw(figure, "Bars: the score of each key, and its weight at the chosen temperature.")
    note_of_keys(example)
    st.text(
        f"From {example.name}: {name_of(example.recording, winner)} fits best and gets {percent(weights[winner])}. "
        f"The look-up spreads over {float(spread(weights)):.1f} of {len(weights):,} keys."
    )
    draw_photo(example, weights, "The photo with these weights as heat.")


def softmax(example: Example) -> None:
    """Step 5: scores, their scale, softmax and its slope."""
    d_head = example.d_head
    st.markdown(
        "The query is multiplied with every key. Such a product is a sum of $d_k$ terms, so it grows with the root of "
        "$d_k$: it is divided by that root. Without, softmax is driven to where one weight is near 1, all others near "
        "0, and its slope is nearly flat: nothing more is learned there."
    )
    formulas(r"\mathrm{softmax}(q K^\top / \sqrt{d_k})", r"\frac{\partial w_j}{\partial s_j} = w_j (1 - w_j)")
    scaled = knob(
        st.segmented_control,
        "Scores",
        "scaling",
        ("scaled", "unscaled"),
        "scaled",
        format_func={"scaled": f"divided by √{d_head} = {math.sqrt(d_head):.2f}", "unscaled": "not divided"}.get,
        required=True,
        help="The model was trained with the division; without it you see what the paper wanted to avoid.",
    )
    scores = example.scores if scaled == "scaled" else example.scores * math.sqrt(d_head)
    weights = at_temperature(scores, 1.0)
    slope, keys = slopes(weights), example.keys
    shapes(q=(d_head,), K=example.recording.key(0, 0).shape, weights=weights.shape)
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {"score": scores[keys], "weight": weights[keys], "slope": slope[keys]},
        int(np.searchsorted(keys, example.query)),
        example.theme,
    )
    draw(figure, "Bars: score, weight and slope of softmax for each key.")
    note_of_keys(example)
    st.text(
        f"All {len(weights):,} weights sum to {weights.sum():.6f}. The largest is {percent(weights.max())}; "
        f"the slopes sum to {slope.sum():.4f}; the scores' standard deviation is {scores.std():.2f}."
    )


def weighted_sum(example: Example) -> None:
    """Step 6: the values in the mixture that the weights say."""
    recording, keys = example.recording, example.keys
    value = recording.value(example.layer, example.head)
    parts = example.weights[:, None] * value  # [key, d_head]
    context = example.steps().context[example.head]
    st.markdown(
        "Each value is multiplied with its weight, and all are added: the **context vector** of the query. What a key "
        "adds is as long as weight times length of its value: a large weight on a short value adds little."
    )
    formulas(r"c = \sum_j w_j v_j", r"\lVert w_j v_j \rVert = w_j \lVert v_j \rVert")
    shapes(
        weights=example.weights.shape,
        V=value.shape,
        context=context.shape,
        output=(recording.num_tokens, example.width),
    )
    figure = bar_columns(
        example.names(keys),
        example.labels(keys),
        {
            "weight": example.weights[keys],
            "length of value": np.linalg.norm(value, axis=-1)[keys],
            "adds": np.linalg.norm(parts, axis=-1)[keys],
        },
        int(np.searchsorted(keys, example.query)),
        example.theme,
    )
    draw(figure, "Bars: the weight of each key, the length of its value, and the length of what it adds.")
    note_of_keys(example)
    largest = np.argsort(-np.linalg.norm(parts, axis=-1))[:5]
    names = [*(f"{name}: weight × value" for name in example.names(largest)), "context: the sum over all keys"]
    draw(
        vector_strips(
            names, [*example.labels(largest), "context"], np.vstack((parts[largest], context)), example.theme
        ),
        "Strips: what the five keys that add most add, number by number, and the context vector.",
    )
    st.text(
        f"What these {len(largest)} keys add together is {np.linalg.norm(parts[largest].sum(axis=0)):.3f} long; the "
        f"context vector is {np.linalg.norm(context):.3f} long. Largest difference from the model's own: "
        f"{np.abs(parts.sum(axis=0) - context).max():.1e}."
    )
