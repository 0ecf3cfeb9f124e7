"""What is seen: figures, the explorer, the pages and their server."""
