"""The explorer element, and what it is sent."""
