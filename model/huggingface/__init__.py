"""Models of the transformers library, from a folder or the Hugging Face Hub. transformers is imported here alone."""
