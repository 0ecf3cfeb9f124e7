"""What is seen: pure Plotly figures, and the Streamlit panels around them."""
