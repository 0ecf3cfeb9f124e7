"""Streamlit: the controls and the figure that belong together."""
