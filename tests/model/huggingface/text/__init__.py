"""Of headlens.model.huggingface.text."""
