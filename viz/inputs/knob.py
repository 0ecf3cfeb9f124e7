"""A control whose choice stays in the address."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

Option = TypeVar("Option")


def knob(
    widget: Callable[..., object],
    label: str,
    name: str,
    *,
    options: Sequence[Option],
    start: Option,
    page: str = "how",
    **rest: object,
) -> Option:
    """A control whose choice stays in the address; give the choice.

    Args:
        widget: of Streamlit, that offers options.
        label: of the widget.
        name: of the parameter in the address. Where that is missing or is none of the options, start is chosen.
        options: to choose from.
        start: the option that is not written into the address.
        page: names the widget.
        rest: arguments of the widget.
    """
    key = f"{page}_{name}"
    by_address = {str(option): option for option in options}
    choice = by_address.get(st.query_params.get(name, ""), start)
    st.session_state[key] = choice

    def keep() -> None:
        value = st.session_state[key]
        if value is None or value == start:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = str(value)

    widget(label, options, key=key, on_change=keep, **rest)
    return choice


def ordered_by_size(page: str) -> bool:
    """How the heads of a grid are ordered: whether the largest comes first; else by layer.

    Args:
        page: names the widget.
    """
    order = knob(
        st.segmented_control,
        "Order",
        "order",
        options=["layers", "size"],
        start="layers",
        page=page,
        required=True,
        format_func={"layers": "by layer", "size": "largest first"}.__getitem__,
        help="Where each head stands in the grid.",
    )
    return order == "size"
