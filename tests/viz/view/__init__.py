"""Of headlens.viz.view."""
