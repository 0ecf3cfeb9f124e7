"""A and B of the page Compare: each an input, the model that reads it, and its heads that are off."""

from dataclasses import dataclass, replace
from typing import Literal

from headlens.model.comparison.corrections import Correction
from headlens.model.errors import InputError
from headlens.model.progress import OnLayer
from headlens.model.recording.recording import Recording
from headlens.viz.export.reproduce import Call
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.photo import PhotoRequest
from headlens.viz.inputs.text import TextRequest
from headlens.viz.pages.runtime import RecordingRequest, get_model, record
from headlens.viz.view.address import write_texts

By = Literal["mean", "zero"]
WITHOUT = """from headlens.model.effects.experiment import Experiment
from headlens.model.effects.recorded import record_without"""


@dataclass(frozen=True)
class Side:
    """A or B."""

    given: TextRequest | PhotoRequest
    off: tuple[Head, ...] = ()  # heads of the model that are off
    by: By = "mean"  # what stands in for them

    def record(self) -> RecordingRequest:
        """The recording of it. Raises what the run raises."""
        whole = self.given.record()
        if not self.off:
            return whole
        options = f"without {self.off} by {self.by}"
        return record(self.given.model, (whole.id.encode(),), options, run=self._run, sample=whole.sample)

    @property
    def call(self) -> Call:
        """How it is recorded, in Python."""
        call = self.given.call
        if not self.off:
            return call
        read = call.code.replace("model.record(", "model.read(", 1)
        code = f"record_without(Experiment(model, {read}), {list(self.off)}, by={self.by!r})"
        return replace(call, code=code, imports="\n".join([*([call.imports] if call.imports else []), WITHOUT]))

    def _run(self, on_layer: OnLayer) -> Recording:
        from headlens.model.effects.experiment import Experiment
        from headlens.model.effects.recorded import record_without

        experiment = Experiment(get_model(self.given.model), self.given.read())  # type: ignore[arg-type]  # each records
        return record_without(experiment, self.off, by=self.by, on_layer=on_layer)


@dataclass(frozen=True)
class PairRequest:
    """A and B, and which of their tokens correspond otherwise than is found."""

    a: Side
    b: Side
    corrections: tuple[Correction, ...] = ()

    @property
    def texts(self) -> tuple[str, str] | None:
        """A's and B's; None of photos."""
        one, other = self.a.given, self.b.given
        if isinstance(one, TextRequest) and isinstance(other, TextRequest):
            return one.texts[0], other.texts[0]
        return None

    @property
    def same_photo(self) -> bool:
        """Whether both are one photo, perhaps painted over."""
        one, other = self.a.given, self.b.given
        return isinstance(one, PhotoRequest) and isinstance(other, PhotoRequest) and one.source == other.source

    @property
    def models(self) -> tuple[str, str]:
        """The names of A's and B's."""
        return self.a.given.model, self.b.given.model

    @property
    def link(self) -> str:
        """What the page says of its address."""
        texts = self.texts
        if texts is None:
            own = any(isinstance(side.given, PhotoRequest) and side.given.sample is None for side in (self.a, self.b))
            return "Your photos are not in this link." if own else "This link opens what you see."
        if write_texts(texts) is not None:
            return "This link opens what you see."
        return "Your texts are not in this link: they are too long for an address."

    def read(self) -> None:
        """Raises InputError for an input that its model cannot read."""
        for name, side in (("A", self.a), ("B", self.b)):
            try:
                side.given.read()
            except InputError as error:
                raise InputError(f"Of {name}: {error}") from error
