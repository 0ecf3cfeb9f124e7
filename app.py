"""Headlens in the browser, from a checkout: `streamlit run app.py`."""

import streamlit as st

from headlens.viz.server.asgi import app_arguments

app = st.App(**app_arguments())
