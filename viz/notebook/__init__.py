"""The explorer and the figures for notebooks, without Streamlit."""
