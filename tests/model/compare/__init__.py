"""Of headlens.model.compare."""
