"""A recording of an input while heads are switched off."""

from collections.abc import Iterable
from dataclasses import replace

from headlens.model.attention.edits import stand_in
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import Head, StandIn, gates, stand_ins
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording


def record_without(
    experiment: Experiment,
    heads: Iterable[Head],
    *,
    by: StandIn = "mean",
    stage: str | None = None,
    on_layer: OnLayer | None = None,
) -> Recording:
    """Record an experiment's input while heads are switched off; notes["off"] of the recording says which.

    Args:
        experiment: a model on an input.
        heads: that are off.
        by: as of `ablate`; the mean is over all positions of the input.
        stage: of attention; None: the first.
        on_layer: called with each layer's index as it is done; what it raises stops the run.

    Raises InputError, CheckpointError as `ablate`, and DeviceError where there is not enough memory.
    """
    off = sorted(set(heads))
    edit = stand_in(gates(experiment, off, stage), stand_ins(experiment, None, by))
    recording = experiment.model.record_input(experiment.input, on_layer, edit)
    names = ", ".join(f"layer {layer} head {head}" for layer, head in off) or "none"
    stands = "what it gave on another input" if isinstance(by, Experiment) else "zero" if by == "zero" else "its mean"
    return replace(recording, notes={**recording.notes, "off": f"Heads that are off: {names}; {stands} stands in."})
