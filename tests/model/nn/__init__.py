"""Each part of the transformer against torch's and transformers' own."""
