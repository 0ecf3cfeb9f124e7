"""The controls by which a visitor chooses a model, a text or a photo."""
