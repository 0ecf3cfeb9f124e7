"""Of headlens.model.comparison."""
