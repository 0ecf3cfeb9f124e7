"""Figures: what is drawn, taken out of them again."""
