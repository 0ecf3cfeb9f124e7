"""The explorer and the figures in notebooks."""
