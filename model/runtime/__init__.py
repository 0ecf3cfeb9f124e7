"""What a server or a worker holds: models, recordings, a queue, and their limits. It needs no page."""
