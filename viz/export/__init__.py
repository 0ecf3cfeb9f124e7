"""Figures for saving."""
