"""Models of transformers: small random ones, saved as save_pretrained saves them."""
