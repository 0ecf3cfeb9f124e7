"""Heads as an address has them, and a control to choose several."""

from collections.abc import Sequence

import streamlit as st

from headlens.viz.view.numbers import is_number

Head = tuple[int, int]  # layer, head; both from 0


def read_heads(written: str, shape: tuple[int, int]) -> tuple[Head, ...]:
    """Heads as the address has them, "7.2-8.0", of so many layers and heads; whatever is wrong in it is left out."""
    heads = set()
    for part in written[:20_000].split("-"):
        layer, _, head = part.partition(".")
        if (found := _head(layer, head, shape)) is not None:
            heads.add(found)
    return tuple(sorted(heads))


def head_in_address(shape: tuple[int, int], parameters: tuple[str, str] = ("layer", "head")) -> Head | None:
    """The head that two parameters name, of so many layers and heads; None where they name none."""
    layer, head = (st.query_params.get(name, "") for name in parameters)
    return _head(layer, head, shape)


def write_heads(parameter: str, heads: Sequence[Head]) -> None:
    """Into the address; without any heads it has no such parameter."""
    if heads:
        st.query_params[parameter] = "-".join(f"{layer}.{head}" for layer, head in heads)
    else:
        st.query_params.pop(parameter, None)


def _head(layer: str, head: str, shape: tuple[int, int]) -> Head | None:
    if not (is_number(layer, 4) and is_number(head, 4)):
        return None
    return (int(layer), int(head)) if int(layer) < shape[0] and int(head) < shape[1] else None


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
