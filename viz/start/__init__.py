"""The scripts that Streamlit is given to run; nothing imports them."""
