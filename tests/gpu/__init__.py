"""The same on a GPU, from a plain checkout: nothing is installed and no network is needed.

At the top of the checkout, `python -m pytest tests/gpu` finds the package by pyproject.toml; any other program of it
runs with `PYTHONPATH=.src`, as in `PYTHONPATH=.src python -m tests.benchmarks.gpu`. It takes torch, transformers,
numpy, safetensors, tokenizers, pillow and pytest; neither Streamlit nor Plotly.
"""
