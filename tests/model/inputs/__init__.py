"""Of headlens.model.inputs."""
