"""Of headlens.viz.explorer."""
