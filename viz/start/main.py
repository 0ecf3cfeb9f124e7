"""The page config and the list of pages."""

from importlib import resources

import streamlit as st

from headlens.viz.pages import generate_page, how_page, image_page, text_page
from headlens.viz.pages.frame import frame

st.set_page_config(page_title="Headlens", page_icon=str(resources.files("headlens.assets") / "icon.svg"), layout="wide")
pages = [
    st.Page(text_page.page, title="Text", url_path="text", default=True),
    st.Page(image_page.page, title="Image", url_path="image"),
    st.Page(generate_page.page, title="Generate", url_path="generate"),
    st.Page(how_page.page, title="How it works", url_path="how"),
]
frame(st.navigation(pages, position="top"), pages)
