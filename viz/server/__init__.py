"""What serves the pages: the app, its routes, and what stands before them."""
