"""The address of a page: what of it stays when another input is chosen, and when a visitor comes back."""

import streamlit as st

from headlens.viz.view.numbers import is_number


def keep_address(page: str) -> None:
    """A visitor who comes back to a page finds it as it was left, though Streamlit empties the address in between."""
    state = st.session_state
    if state.get("page") != page:
        state.page = page
        if not st.query_params:
            st.query_params.from_dict(state.get(f"{page}_address", {}))
    state[f"{page}_address"] = st.query_params.to_dict()


def tokens_in_address(otherwise: int, most: int) -> int:
    """How many tokens a model is to write, by the address, from 1 to most; where that does not say it: otherwise."""
    written = st.query_params.get("tokens", "")
    return int(written) if is_number(written, 3) and 1 <= int(written) <= most else otherwise


def address_without(*names: str) -> dict[str, str]:
    """The address but for these parameters."""
    return {name: value for name, value in st.query_params.items() if name not in names}


def address_parts(*names: str) -> dict[str, str]:
    """These parameters of the address, where they are in it."""
    return {name: st.query_params[name] for name in names if name in st.query_params}
