"""Of headlens.model.huggingface.vision."""
