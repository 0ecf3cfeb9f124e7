"""What the page says in the words of a stranger: an error's, a model's, a token's."""

import re

import streamlit as st

from headlens.model.errors import CheckpointError

MAX_DETAIL = 2_000  # characters


def plain(text: str) -> str:
    """Text as it is, where Streamlit would read Markdown, formulas and addresses in it: it may be a stranger's."""
    return re.sub(r"([\\`*_\[\]()<>#+!|~$:{}&])", r"\\\1", text).replace("://", ":\u2060//").replace("//", "/\u2060/")


def show_error(error: Exception | str, *, of: str = "") -> None:
    """One sentence on what went wrong, behind "A: " of two; what a library said of it is folded away below."""
    st.error(plain(f"{of}{error}"))
    if isinstance(error, CheckpointError) and (cause := error.__cause__) is not None:
        with st.expander("Technical detail"):
            st.code(f"{type(cause).__name__}: {cause}"[:MAX_DETAIL], language=None, wrap_lines=True)
