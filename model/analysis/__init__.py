"""Pure functions from a Recording's arrays to what they mean."""
