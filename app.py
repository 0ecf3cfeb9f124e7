"""Headlens in the browser: `streamlit run app.py`."""

import streamlit as st
from starlette.middleware import Middleware

from viz.components.routes import ROUTES
from viz.guard import Guard

guard = Middleware(Guard, hosts=lambda: st.get_option("server.allowedHosts"))
app = st.App("viz/main.py", routes=ROUTES, middleware=[guard])
