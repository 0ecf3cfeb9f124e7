"""Of headlens.viz.pages."""
