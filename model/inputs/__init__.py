"""From what a person gives to what a model reads: text to token ids, an image to pixels and patches."""
