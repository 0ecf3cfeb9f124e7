"""Headlens in the browser, installed: `headlens app` runs this file."""

import streamlit as st

from headlens.viz.server.asgi import app_arguments

app = st.App(**app_arguments())
