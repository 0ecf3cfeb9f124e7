"""What there is to choose from in a recording."""

from headlens.model.recording.recording import Recording
from headlens.viz.view.roles import orders_of
from headlens.viz.view.view import Bounds


def bounds_of(recording: Recording) -> Bounds:
    """Its layers, heads, tokens, and the orders of its heads."""
    return Bounds(recording.num_layers, recording.num_heads, recording.num_tokens, orders_of(recording))
