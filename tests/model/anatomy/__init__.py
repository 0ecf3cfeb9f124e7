"""Networks taken apart."""
