"""Heads as an address has them."""

from collections.abc import Sequence

import streamlit as st

Head = tuple[int, int]  # layer, head; both from 0


def read_heads(written: str, shape: tuple[int, int]) -> tuple[Head, ...]:
    """Heads as the address has them, "7.2-8.0", of so many layers and heads; whatever is wrong in it is left out."""
    heads = set()
    for part in written[:20_000].split("-"):
        layer, _, head = part.partition(".")
        if all(number.isascii() and number.isdigit() and len(number) < 5 for number in (layer, head)):
            pair = int(layer), int(head)
            if pair[0] < shape[0] and pair[1] < shape[1]:
                heads.add(pair)
    return tuple(sorted(heads))


def write_heads(parameter: str, heads: Sequence[Head]) -> None:
    """Into the address; without any heads it has no such parameter."""
    if heads:
        st.query_params[parameter] = "-".join(f"{layer}.{head}" for layer, head in heads)
    else:
        st.query_params.pop(parameter, None)


def head_name(head: Head) -> str:
    """What a list of heads calls it."""
    return f"layer {head[0]}, head {head[1]}"
