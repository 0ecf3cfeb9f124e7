"""Heads as an address has them, and a control to choose several."""

from collections.abc import Sequence

import streamlit as st

from headlens.viz.view.numbers import is_number

Head = tuple[int, int]  # layer, head; both from 0
ONE = ("layer", "head")  # of the address


def read_heads(written: str, shape: tuple[int, int]) -> tuple[Head, ...]:
    """Heads as the address has them, "7.2-8.0", of so many layers and heads; whatever is wrong in it is left out."""
    parts = (part.partition(".") for part in written[:20_000].split("-"))
    heads = (_head(layer, head, shape) for layer, _, head in parts)
    return tuple(sorted({head for head in heads if head is not None}))


def write_heads(parameter: str, heads: Sequence[Head]) -> None:
    """Into the address; without any heads it has no such parameter."""
    if heads:
        st.query_params[parameter] = "-".join(f"{layer}.{head}" for layer, head in heads)
    else:
        st.query_params.pop(parameter, None)


def read_head(shape: tuple[int, int], names: tuple[str, str] = ONE) -> Head | None:
    """The one head that the address has under these names, of so many layers and heads; None where there is none."""
    layer, head = (st.query_params.get(name, "") for name in names)
    return _head(layer, head, shape)


def write_head(head: Head, names: tuple[str, str] = ONE) -> None:
    """Into the address."""
    for name, number in zip(names, head):
        st.query_params[name] = str(number)


def head_name(head: Head) -> str:
    """What a list of heads calls it."""
    return f"layer {head[0]}, head {head[1]}"


def every_head(shape: tuple[int, int]) -> list[Head]:
    """All of so many layers and heads, by layer."""
    return [(layer, head) for layer in range(shape[0]) for head in range(shape[1])]


def choose_heads(
    label: str, parameter: str, chosen: Sequence[Head], *, shape: tuple[int, int], key: str, placeholder: str, help: str
) -> None:
    """A list of all heads, to choose some into the address.

    Args:
        label: of the list.
        parameter: of the address.
        chosen: which ones are.
        shape: how many layers and heads there are.
        key: of the widget.
        placeholder: what is said where none is chosen.
        help: of the widget.
    """
    state = st.session_state
    state[key] = list(chosen)
    st.multiselect(
        label,
        every_head(shape),
        key=key,
        format_func=head_name,
        on_change=lambda: write_heads(parameter, sorted(state[key])),
        placeholder=placeholder,
        help=help,
    )


def _head(layer: str, head: str, shape: tuple[int, int]) -> Head | None:
    if not (is_number(layer, 4) and is_number(head, 4)):
        return None
    found = int(layer), int(head)
    return found if found[0] < shape[0] and found[1] < shape[1] else None
