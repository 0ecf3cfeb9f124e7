"""Of headlens.model.trace."""
