"""What stands around every page."""

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from model.errors import HeadlensError

STYLE = Path(__file__).parent.parent / "components" / "page.css"
LOGO = Path(__file__).parent.parent.parent / "assets" / "logo.svg"


def frame(page: StreamlitPage) -> None:
    """Run a page under the project's name; weights that are missing, say, become a sentence."""
    st.logo(str(LOGO), size="large")
    st.html(STYLE)
    try:
        page.run()
    except HeadlensError as error:
        st.error(str(error))
