"""Which atlas the page shows: one of the two that are shipped, or a folder of this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import cast

import numpy as np
import streamlit as st

from headlens.model.analysis.roles.role import Role
from headlens.model.atlas.atlas import Atlas, AtlasInput, Example, Vectors, open_atlas
from headlens.model.atlas.measures import roles_of
from headlens.model.errors import InputError
from headlens.model.recording.recording import Recording
from headlens.model.runtime.folders import open_folder
from headlens.viz.inputs.heads import Head
from headlens.viz.inputs.photo import size_name
from headlens.viz.view.atlas import OverInputs, counted

SHIPPED = {"texts": "240 sentences · MiniLM", "photos": "4 photos · DINOv2"}
START = "texts"  # what the page opens on
FOLDER = resources.files("headlens.assets") / "atlas"
MOST_TOKENS = 10**15  # more than any data set has
STATISTICS = 32  # of several atlases, that are kept
VISITS = 64  # heads whose vectors are kept
INPUTS = 128  # that are kept
ATLASES = 4  # whose inputs with vectors are kept
REMEMBERED = 4  # folders of a visitor; each is looked into at every pin on other pages


@dataclass(frozen=True, eq=False)
class Chosen:
    """The atlas that is shown; it equals another one of the same folder and plan, so that what was read is kept."""

    atlas: Atlas
    shipped: bool

    @property
    def kind(self) -> str:
        """Of its data set: "texts" or "photos"."""
        return "photos" if self.source.get("kind") == "photos" else "texts"

    @property
    def source(self) -> dict[str, object]:
        """Its data set: name, kind and count."""
        return _words(self.atlas, "source")

    @property
    def model(self) -> dict[str, object]:
        """Its model: name, title, kind, authors and licence."""
        return _words(self.atlas, "model")

    @property
    def is_causal(self) -> bool:
        """Whether no query of its model sees a later key."""
        return self.model.get("kind") == "causal"

    @property
    def inputs_read(self) -> str:
        """How many of its data set: "240 texts"."""
        return counted(self.atlas.recorded, self.kind)

    @property
    def mean_tokens(self) -> float | None:
        """How many tokens its inputs have on average; None where it does not say."""
        tokens = self.atlas.manifest.get("tokens")
        return tokens / max(1, self.atlas.recorded) if isinstance(tokens, int) and 0 < tokens < MOST_TOKENS else None

    @property
    def size(self) -> str | None:
        """At which its photos were read, as the page Image has it in its address; None: as the model makes it."""
        size = self.atlas.manifest.get("size")
        return None if size is None else size_name(size if isinstance(size, int) else "letterbox")

    @property
    def roles(self) -> dict[str, Role]:
        """The roles that heads may have on its inputs, by key."""
        return roles_of(self.kind)

    def heads(self, statistic: str) -> dict[str, np.ndarray]:
        """A statistic of each measure over all inputs, [layer, head]."""
        return _heads(self, statistic)

    def over_inputs(self, head: Head) -> OverInputs:
        """What a head scores over all inputs."""
        mean, std, told, enough = (
            {key: float(values[head]) for key, values in self.heads(statistic).items()}
            for statistic in ("mean", "std", "count", "enough")
        )
        return OverInputs(self.roles, mean, std, told, enough, self.atlas.recorded, causal=self.is_causal)

    def is_of(self, recording: Recording) -> bool:
        """Whether it is of the heads of a recording, by their weights; by the model's name where these aren't known."""
        atlas, model = self.atlas, recording.model
        if model.kind == "sequence" and recording.stage != "encoder":  # what a model writes is in no atlas
            return False
        of_one_shape = (recording.num_layers, recording.num_heads) == (atlas.num_layers, atlas.num_heads)
        weights = self.model.get("revision") or self.model.get("name")
        return of_one_shape and weights == (model.revision or model.name)

    def vectors(self, head: Head) -> Vectors:
        """Queries and keys of a head."""
        return _vectors(self, head)

    def input(self, number: int, positions: Iterable[int]) -> AtlasInput:
        """An input that an example or a vector is of, at some of its positions.

        Raises InputError as `Atlas.input` does, and where it has no such positions.
        """
        found = _input(self, number)
        _check(found, positions)
        return found

    def input_of(self, example: Example) -> AtlasInput:
        """The input of an example; raises InputError as `input` does, and where the weights are of other tokens."""
        found = self.input(example.input, (example.query, example.key))
        if len(example.weights) not in (0, len(found.tokens)):
            raise _contradiction()
        return found

    def inputs_of(self, vectors: Vectors) -> dict[int, AtlasInput]:
        """The inputs that vectors are of, by their numbers; raises InputError as `input` does."""
        found = _inputs(self, tuple(np.unique(vectors.input).tolist()))
        for number, each in found.items():
            _check(each, vectors.position[vectors.input == number])
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Chosen) and self._id == other._id

    def __hash__(self) -> int:
        return hash(self._id)

    @property
    def _id(self) -> tuple[str, str]:
        return str(self.atlas.folder), str(self.atlas.manifest.get("plan"))


@lru_cache(STATISTICS)
def _heads(chosen: Chosen, statistic: str) -> dict[str, np.ndarray]:
    return {key: chosen.atlas.heads(key, statistic) for key in chosen.atlas.measures}


@lru_cache(VISITS)
def _vectors(chosen: Chosen, head: Head) -> Vectors:
    return chosen.atlas.vectors(*head)


@lru_cache(INPUTS)
def _input(chosen: Chosen, number: int) -> AtlasInput:
    return chosen.atlas.input(number)


@lru_cache(ATLASES)
def _inputs(chosen: Chosen, numbers: tuple[int, ...]) -> dict[int, AtlasInput]:
    return chosen.atlas.inputs(numbers)


def _check(found: AtlasInput, positions: Iterable[int]) -> None:
    if not all(0 <= position < len(found.tokens) for position in positions):
        raise _contradiction()


def _contradiction() -> InputError:
    return InputError("The tables of this atlas contradict each other; build it again.")


def _words(atlas: Atlas, name: str) -> dict[str, object]:
    words = atlas.manifest.get(name)
    return cast(dict[str, object], words) if isinstance(words, dict) else {}


def open_chosen(name: str) -> Chosen:
    """The atlas that an address names: one of SHIPPED, or a folder.

    Raises InputError for a folder that may not be opened, or holds no atlas.
    """
    if name in SHIPPED:
        return _shipped(name)
    return Chosen(open_atlas(open_folder(name, "one that headlens atlas build made")), shipped=False)


@cache
def _shipped(name: str) -> Chosen:
    return Chosen(open_atlas(Path(str(FOLDER)) / name), shipped=True)


def opened_here() -> list[str]:
    """The folders that this visitor has opened in this session, the last one first: nobody else's."""
    folders: list[str] = st.session_state.get("atlas_folders", [])
    return folders


def remember(folder: str) -> None:
    """This visitor has opened it."""
    others = [each for each in opened_here() if each != folder]
    st.session_state["atlas_folders"] = [folder, *others][:REMEMBERED]
