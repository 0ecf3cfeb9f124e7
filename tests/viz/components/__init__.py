"""The page's own element: what it is sent and what it loads."""
