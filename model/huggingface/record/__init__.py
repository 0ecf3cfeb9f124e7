"""How a transformers model runs, and what its attention layers are given on the way."""
