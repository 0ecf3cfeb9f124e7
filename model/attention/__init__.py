"""Attention: its formula, the inputs of one call, and the point where it runs, to be noted and changed."""
