"""The page config, and the page that is open in its frame."""

from importlib import resources

import streamlit as st

from headlens.viz.pages.frame import frame
from headlens.viz.pages.menu import PAGES

st.set_page_config(page_title="Headlens", page_icon=str(resources.files("headlens.assets") / "icon.svg"), layout="wide")
pages = [
    st.Page(page.draw, title=page.title, url_path=page.path, default=number == 0) for number, page in enumerate(PAGES)
]
frame(st.navigation(pages, position="top"), pages)
