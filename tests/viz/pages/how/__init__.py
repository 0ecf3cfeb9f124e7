"""Of headlens.viz.pages.how."""
