"""What every test may ask for: the two models, loaded once, and the sample photos.

Imports stay inside the fixtures: tests/gpu runs where not everything is installed.
"""

import gc
import os
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.paths import ROOT

with suppress(ImportError):  # tests/gpu does without
    from hypothesis import HealthCheck, settings

    # Two processes of tests and their browsers share two cores: an example may take its time.
    settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("shared")

if TYPE_CHECKING:
    from headlens.model.huggingface.text.model import TransformersText
    from headlens.model.pretrained.image_model import EncoderImageModel
    from headlens.model.pretrained.text_model import EncoderTextModel


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """No garbage is collected while tests are, and none later in what they import: Streamlit does so at each run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


# Side by side, each worker and each server that it starts computes in one thread: more would wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where the language model of the catalogue is kept once it has been dequantised: not in the home of who runs the tests.
os.environ.setdefault("HEADLENS_CACHE", str(ROOT / ".pytest_cache" / "headlens"))


@pytest.fixture(scope="session")
def smollm2() -> "TransformersText":
    """SmolLM2-135M-Instruct in float32 on the CPU."""
    from headlens.model.load import load_model

    return load_model("smollm2-135m", device="cpu")  # type: ignore[return-value]  # it is no encoder


@pytest.fixture(scope="session")
def minilm() -> "EncoderTextModel":
    """all-MiniLM-L6-v2 in float32 on the CPU."""
    from headlens.model.load import load_model
    from headlens.model.pretrained.text_model import EncoderTextModel

    model = load_model("minilm-l6", device="cpu")
    assert isinstance(model, EncoderTextModel)
    return model


@pytest.fixture(scope="session")
def dinov2() -> "EncoderImageModel":
    """The DINOv2 with saliency decoder in float32 on the CPU."""
    from headlens.model.load import load_model
    from headlens.model.pretrained.image_model import EncoderImageModel

    model = load_model("dinov2-focus", device="cpu")
    assert isinstance(model, EncoderImageModel)
    return model


@pytest.fixture(scope="session")
def sample_photo() -> Callable[[str], Path]:
    """The path of a photo in assets/samples by its name: astronaut, chelsea, coffee or rocket."""
    samples = ROOT / "assets" / "samples"
    return lambda name: samples / f"{name}.jpg"
