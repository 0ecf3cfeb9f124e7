"""Of model/analysis/roles."""
