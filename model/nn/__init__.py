"""The transformer of the papers, written from scratch: one idea a file."""
