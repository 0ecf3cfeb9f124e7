"""Of headlens.model.huggingface.load."""
