"""What the page *Compare* shows of two recordings."""
