"""Of headlens.model.huggingface.multimodal."""
