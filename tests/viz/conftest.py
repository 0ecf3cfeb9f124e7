"""Recordings of the real models that several files look at; nobody changes them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headlens.model.loaded import ImageModel, TextModel
    from headlens.model.recording import Recording


@pytest.fixture(scope="session")
def trophy(minilm: "TextModel") -> "Recording":
    """The sentence of the sample Trophy."""
    return minilm.record("The trophy does not fit in the brown suitcase because it is too big.")


@pytest.fixture(scope="session")
def pair(minilm: "TextModel") -> "Recording":
    """The two sentences of the sample A pair: it has two [SEP]."""
    return minilm.record(("A cat is sleeping on the sofa.", "The kitten naps on the couch."))


@pytest.fixture(scope="session")
def coffee(dinov2: "ImageModel", sample_photo: "Callable[[str], Path]") -> "Recording":
    """The photo of the sample Coffee, small: 16 x 24 patches."""
    return dinov2.record(sample_photo("coffee"), 224)
