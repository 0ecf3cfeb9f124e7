"""Headlens in the browser: `streamlit run app.py`."""

import streamlit as st

from viz.components.routes import ROUTES

app = st.App("viz/main.py", routes=ROUTES)
