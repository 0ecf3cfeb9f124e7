"""Two recordings side by side: which positions correspond, and how much every head differs."""
