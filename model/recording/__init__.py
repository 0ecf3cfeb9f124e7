"""What one forward pass leaves behind, and its file."""
