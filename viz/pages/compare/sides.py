"""Both recordings, and how much every head differs between them, kept beside A's."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from headlens.model.comparison.alignment import Alignment, align
from headlens.model.comparison.comparison import Comparison, Head, closest
from headlens.model.comparison.corrections import Correction, corrected
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.pages.parts import input_note
from headlens.viz.pages.runtime import RecordingRequest, stepping

Runs = tuple[RecordingRequest, RecordingRequest]  # of A and of B


@dataclass(frozen=True)
class Sides:
    """A and B, compared."""

    a: RecordingEntry
    b: RecordingEntry
    comparison: Comparison
    partners: np.ndarray  # [layer of A, head of A, 2], layer and head of B
    divergence: np.ndarray  # [layer of A, head of A]
    matches: np.ndarray | None = None  # all heads of A beside all of B, of models with other numbers of them

    def partner(self, head: Head) -> Head:
        """The head of B that a head of A is compared with."""
        layer, number = map(int, self.partners[head])
        return layer, number

    def largest_first(self) -> list[Head]:
        """All heads of A, in the order of how much they differ."""
        order = np.argsort(-self.divergence, axis=None, kind="stable")  # nan comes last
        return [divmod(int(index), self.divergence.shape[1]) for index in order]


def unit_of(recording: Recording) -> str:
    """What its positions are called: token, or patch."""
    return "token" if recording.photo is None else recording.photo.cell


def can_be_compared(sides: Sides) -> bool:
    """Whether there is anything to compare; else the page says why not, behind what is to be known of the inputs."""
    same = sides.a.recording is sides.b.recording
    for name, entry in zip("A" if same else "AB", (sides.a, sides.b)):
        input_note(entry.recording, of="" if same else f"{name}: ")
    unit = unit_of(sides.a.recording)
    inputs = "texts" if unit == "token" else "photos"
    if not sides.comparison.alignment.paired.any():
        st.info(
            f"A and B have no {unit} in common, so no weights of theirs can be compared: take {inputs} that share "
            "some, or pair some by hand."
        )
        return False
    if np.isnan(sides.divergence).all():
        st.info(
            f"What A and B have in common sees one {unit} alone, so its weights are all one: take {inputs} that share "
            "more."
        )
        return False
    return True


def sides_of(runs: Runs, corrections: tuple[Correction, ...]) -> Sides:
    """Both recordings, compared; made again where they are not kept.

    Raises InputError for inputs that cannot be aligned, and what the runs raise.
    """
    a, b = (run.entry() for run in runs)
    comparison = Comparison(a.recording, b.recording, _alignment(a, b, corrections))

    def run() -> tuple[np.ndarray, ...]:
        with stepping("Comparing the heads", part="head") as on_step:
            if comparison.same_shape:
                return comparison.partners(on_step)
            matches = comparison.matches(on_step)
            return (*closest(matches), matches)

    return Sides(a, b, comparison, *a.derive(("partners", b.id, corrections), run))


def _alignment(a: RecordingEntry, b: RecordingEntry, corrections: tuple[Correction, ...]) -> Alignment:
    """As it is found, and corrected. Raises InputError."""
    found = a.derive(("alignment", b.id), lambda: align(a.recording, b.recording))
    return a.derive(("alignment", b.id, corrections), lambda: corrected(found, a.recording, b.recording, corrections))
