"""What stands around every page."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from headlens.model.errors import HeadlensError
from headlens.viz.inputs.messages import show_error

STYLE = Path(__file__).parent / "page.css"
LOGO = resources.files("headlens.assets") / "logo.svg"


def frame(page: StreamlitPage, pages: Sequence[StreamlitPage]) -> None:
    """Run one of the pages under the project's name; weights that are missing, say, become a sentence."""
    st.logo(str(LOGO), size="large")
    st.html(STYLE)
    st.session_state["listed_pages"] = {each.title: each for each in pages}  # for links from one to another
    with st.container(key="pages", horizontal=True):
        for each in pages:
            st.page_link(each)
    try:
        page.run()
    except HeadlensError as error:
        show_error(error)
