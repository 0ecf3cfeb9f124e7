"""Of headlens.model.huggingface.captions."""
