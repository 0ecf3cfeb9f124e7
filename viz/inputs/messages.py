"""What the page says in the words of a stranger: an error's, a model's, a token's."""

import re

import streamlit as st


def plain(text: str) -> str:
    """Text as it is, where Streamlit would read Markdown, formulas and addresses in it: it may be a stranger's."""
    return re.sub(r"([\\`*_\[\]()<>#+!|~$:{}&])", r"\\\1", text).replace("://", ":\u2060//").replace("//", "/\u2060/")


def show_error(error: Exception | str) -> None:
    """One sentence on what went wrong."""
    st.error(plain(str(error)))
