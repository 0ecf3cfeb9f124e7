"""Of headlens.viz.export."""
