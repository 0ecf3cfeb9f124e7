"""The explorer: one element a page that holds all linked views, and what it is sent."""
