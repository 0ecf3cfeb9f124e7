"""Attention: its formula, what one call of it is given, and the calls that a model makes."""
