"""Figures, the explorer, the pages and their server."""
