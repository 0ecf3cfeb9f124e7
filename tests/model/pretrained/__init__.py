"""Of headlens.model.pretrained."""
