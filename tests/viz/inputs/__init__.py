"""Of headlens.viz.inputs."""
