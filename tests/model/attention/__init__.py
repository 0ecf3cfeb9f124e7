"""The point where attention runs, reached in three ways."""
