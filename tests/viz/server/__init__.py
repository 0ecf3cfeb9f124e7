"""Of headlens.viz.server."""
