"""The models that are shipped: who made them, where their weights are, and how they are loaded."""
