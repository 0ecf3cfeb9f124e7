"""Of headlens.model.recording."""
