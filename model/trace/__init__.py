"""A run of any recorded model, taken apart: what goes into each layer, and one token's way through one of them."""
