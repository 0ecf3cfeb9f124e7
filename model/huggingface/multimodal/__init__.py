"""Language models that read an image with their text."""
