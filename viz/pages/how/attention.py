"""Steps 1, 5 and 6: a soft dictionary, the softmax, the weighted sum."""

import math
from dataclasses import replace

import numpy as np
import streamlit as st

from headlens.model.analysis.heads import spread
from headlens.model.analysis.soft import slopes
from headlens.model.trace.positions import biases, falls_with_distance
from headlens.viz.figures.cells import vector_strips
from headlens.viz.figures.labels import percent
from headlens.viz.inputs.knob import knob
from headlens.viz.pages.how.example import Example
from headlens.viz.pages.how.pieces import draw_keys, draw_photo, formulas, shapes
from headlens.viz.pages.parts import draw_figure
from headlens.viz.view.words import name_of

TEMPERATURES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 10.0)


def dictionary(example: Example) -> None:
    """Step 1: from the hard look-up to the soft one."""
    st.markdown(
        "A dictionary holds **values** under **keys**. A hard look-up takes the one key that fits the **query**. "
        "Attention takes them all, each by how well it fits. So it changes smoothly with what is asked, and can be "
        "learned by gradient descent."
    )
    formulas(r"w_j = \frac{e^{s_j / T}}{\sum_i e^{s_i / T}}", f"s_j = {_score(example)}")
    _beside_scores(example)
    temperature = knob(
        st.select_slider,
        "Temperature T",
        "temperature",
        options=TEMPERATURES,
        start=1.0,
        help="At 0, the limit, the key with the largest score wins all; at 1 it is this head as it was trained; at 10 "
        "nearly all keys count alike.",
    )
    weights = example.softmax(example.scores, temperature)
    winner = int(example.scores.argmax())
    if not example.inputs.scores_only:
        shapes(query=(example.d_head,), keys=(len(weights), example.d_head), scores=weights.shape)
    draw_keys(
        example,
        {"score": example.scores, f"weight at T = {temperature:g}": weights},
        "Bars: the score of each key, and its weight at the chosen temperature.",
    )
    st.text(
        f"From {example.name}: {name_of(example.recording, winner)} fits best and gets {percent(weights[winner])}. "
        f"The look-up spreads over {float(spread(weights)):.1f} of {int(example.seen.sum()):,} keys (e to the entropy "
        "of the weights)."
    )
    draw_photo(example, weights, "The photo with these weights as heat.")


def softmax(example: Example) -> None:
    """Step 5: scores, their scale, softmax and its slope."""
    d_head, ways = example.d_head, _ways(example)
    st.markdown(
        "The query is multiplied with every key. Such a product is a sum of $d_k$ terms: its standard deviation grows "
        "with the square root of $d_k$, so in 2017 it was divided by that. Undivided, softmax is driven to where one "
        "weight is near 1, all others near 0, and its slope near 0: little more is learned there."
    )
    formulas(
        rf"w = \mathrm{{softmax}}(s),\; s_j = {_score(example)}", r"\frac{\partial w_j}{\partial s_j} = w_j (1 - w_j)"
    )
    scaled = knob(
        st.segmented_control,
        "Scores",
        "scaling",
        options=("scaled", "unscaled"),
        start="scaled",
        format_func=dict(zip(("scaled", "unscaled"), ways)).get,
        required=True,
        help="The model was trained as the first one says; without it you see what the paper wanted to avoid.",
    )
    scores = example.scores if scaled == "scaled" else _otherwise_scaled(example)
    weights = example.softmax(scores)
    slope = slopes(weights)
    shapes(q=(d_head,), K=(len(weights), d_head), weights=weights.shape)
    draw_keys(
        example,
        {"score": scores, "weight": weights, "slope": slope},
        "Bars: score, weight and slope of softmax for each key.",
    )
    st.text(
        f"All {len(weights):,} weights sum to {weights.sum():.6f}. The largest is {percent(weights.max())}; "
        f"the slopes sum to {slope.sum():.4f}; the scores' standard deviation is {scores[example.seen].std():.2f}."
    )
    _beside_scores(example)


def _ways(example: Example) -> tuple[str, str]:
    """How this model scales its scores, and the other way."""
    d_head, scale = example.d_head, example.inputs.scale
    divided = f"divided by √{d_head} = {math.sqrt(d_head):.2f}"
    if scale == 1:
        return "not divided, as this model does", divided
    other = "not divided" if example.inputs.softcap is None else "not divided, not capped"
    return (divided if _by_root(example) else f"times {scale:.4g}, as this model does"), other


def _by_root(example: Example) -> bool:
    return math.isclose(example.inputs.scale, 1 / math.sqrt(example.d_head), rel_tol=1e-3)


def _score(example: Example) -> str:
    """The formula of a score, as this model computes it; of some models the scores alone are known."""
    inputs, network = example.inputs, example.model.network
    if inputs.scores_only or _by_root(example):
        product = r"\frac{q \cdot k_j}{\sqrt{d_k}}"
    else:
        product = r"q \cdot k_j" if inputs.scale == 1 else rf"{inputs.scale:.4g}\; q \cdot k_j"
    if inputs.softcap is not None:
        product = rf"c \tanh\Bigl(\frac{{1}}{{c}}\,{product}\Bigr)"
    return product + (" + b_j" if biases(network) or falls_with_distance(network) else "")


def _otherwise_scaled(example: Example) -> np.ndarray:
    """The scores [key] without their scale; of a model that has none, divided by the square root of d_k."""
    scale = 1 / math.sqrt(example.d_head) if example.inputs.scale == 1 else 1.0
    inputs, row = replace(example.inputs, scale=scale, softcap=None), slice(example.query, example.query + 1)
    return inputs.scores(row, slice(None), example.head)[0].float().cpu().numpy()


def _beside_scores(example: Example) -> None:
    """What else a model does to its scores."""
    inputs, network = example.inputs, example.model.network
    if inputs.softcap is not None:
        st.caption(f"This model keeps its scores within ±c; c is {inputs.softcap:g} (Gemma 2, 2024, section 2).")
    if inputs.sinks is not None:
        st.caption("Each head of this model has one score more, whose weight goes nowhere: rows sum to less than one.")
    if biases(network) or falls_with_distance(network):
        st.caption("This model adds a number b to each score that depends on how far apart query and key are.")
    if inputs.causal:
        st.caption("This model reads from left to right: no query sees a later key.")


def weighted_sum(example: Example) -> None:
    """Step 6: the values, summed by their weights."""
    recording = example.recording
    value = recording.value(example.layer, example.head)
    parts = example.weights[:, None] * value  # [key, d_head]
    context = parts.sum(axis=0)
    st.markdown(
        "Each value is multiplied with its weight, and all are added: the **context vector** of the query. The norm of "
        "what a key adds is its weight times the norm of its value: a large weight on a small value adds little."
    )
    formulas(r"c = \sum_j w_j v_j", r"\lVert w_j v_j \rVert = w_j \lVert v_j \rVert")
    shapes(
        weights=example.weights.shape,
        V=value.shape,
        context=context.shape,
        output=(recording.num_tokens, example.width),
    )
    draw_keys(
        example,
        {
            "weight": example.weights,
            "norm of value": np.linalg.norm(value, axis=-1),
            "adds": np.linalg.norm(parts, axis=-1),
        },
        "Bars: the weight of each key, the norm of its value, and the norm of what it adds.",
    )
    largest = np.argsort(-np.linalg.norm(parts, axis=-1))[:5]
    names = [*(f"{name}: weight × value" for name in example.names(largest)), "context: the sum over all keys"]
    st.text(f"What the {len(largest)} keys that add most add, number by number, and the sum of all keys:")
    draw_figure(
        vector_strips(
            names, [*example.labels(largest), "context"], np.vstack((parts[largest], context)), theme=example.theme
        ),
        "Strips: what the five keys that add most add, number by number, and the context vector.",
    )
    st.text(
        f"The sum of what these {len(largest)} keys add has a norm of "
        f"{np.linalg.norm(parts[largest].sum(axis=0)):.3f}; the context vector has one of "
        f"{np.linalg.norm(context):.3f}."
    )
    trace = example.token_trace()
    if trace.head_outputs is not None:
        apart = np.abs(trace.projection_input.reshape(recording.num_heads, -1)[example.head] - context).max()
        st.text(f"Largest difference from what the model's own run gave to its output projection: {apart:.1e}.")
