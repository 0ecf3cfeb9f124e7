"""The glossary."""

import streamlit as st

GLOSSARY = {
    "token": "A piece of the input that has a row of its own: a word, a part of a word, or a patch of a photo.",
    "patch": "A square of the photo; for a vision transformer it is what a word is for a text encoder.",
    "[CLS]": "A token put before the input that belongs to no word or patch; the model's output for the whole input "
    "is read from it, or trained through it.",
    "embedding": "The vector that stands for a token before the first layer.",
    "position encoding": "What tells a model the position of a token: in many a vector that is added to the embedding, "
    "in others a rotation of queries and keys, or a number that is added to scores.",
    "query": "What a token asks for: a vector that is compared with every key.",
    "key": "What a token is found by: a vector that queries are compared with.",
    "value": "What a token gives to those that look at it.",
    "score": "How well a query and a key fit: their dot product, in most models divided by the square root of how "
    "many numbers each has.",
    "softmax": "Turns scores into weights: raises e to each of them and divides by the sum.",
    "weight": "What softmax makes of a score: between 0 and 1, and all weights of a query sum to one.",
    "temperature": "What scores are divided by before the softmax: near 0 the largest score gets all the weight; a "
    "high temperature makes all weights alike.",
    "context vector": "The values, mixed as the weights say: what a head has found for a query.",
    "head": "One attention beside others in the same layer, with its own queries, keys and values.",
    "residual stream": "A token's row on its way up: each part of a layer adds to it instead of replacing it; some "
    "models normalise it after each addition.",
    "layer norm": "Brings a row's numbers to mean 0 and variance 1 (RMSNorm: to a mean square of 1), then scales each "
    "by what was learned.",
    "feed-forward network": "Linear maps with an activation function between them, for each token by itself.",
}


def glossary(terms: tuple[str, ...]) -> None:
    """The terms of a step, behind a button."""
    with st.popover("Words used here", help="What the terms of this step mean."):
        for term in terms:
            st.markdown(f"**{term}**: {GLOSSARY[term]}")
