"""The pages, written with Streamlit."""
