"""Of headlens.model.runtime."""
