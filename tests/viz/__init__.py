"""What is seen: the figures, the words and the pages."""
