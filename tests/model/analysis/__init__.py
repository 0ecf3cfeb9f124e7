"""Of headlens.model.analysis."""
