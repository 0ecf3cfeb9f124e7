"""dinov2-focus: the saliency map against onnxruntime, every weight of every head against transformers' eager DINOv2."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import Dinov2Model

from headlens.model import load_model
from headlens.model.inputs.image import Size, read_image
from headlens.model.pretrained.dinov2_onnx import CONFIG
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.pretrained.registry import CATALOGUE
from tests.references import differences, dinov2_like

Photo = Callable[[str], Path]


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    path = locate(CATALOGUE["dinov2-focus"])["vit_s_focus.onnx"]
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def reference(dinov2: EncoderImageModel) -> Dinov2Model:
    return dinov2_like(dinov2.network, CONFIG)


def read(photo: Path, size: Size) -> torch.Tensor:
    return read_image(photo, CONFIG.patch, size).pixels


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_saliency_is_what_onnxruntime_computes(
    dinov2: EncoderImageModel, session: onnxruntime.InferenceSession, sample_photo: Photo, name: str
) -> None:
    photo = sample_photo(name)
    theirs = session.run(["output_importance"], {"input_image": read(photo, "letterbox").numpy()})[0][0, 0]
    ours = dinov2.record(photo, "letterbox").outputs["saliency"]
    assert ours.shape == (224, 224)
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=0)
    assert np.ptp(theirs) > 0.1


@pytest.mark.parametrize(("name", "grid"), [("astronaut", (16, 16)), ("coffee", (16, 24))])
def test_every_weight(
    dinov2: EncoderImageModel, reference: Dinov2Model, sample_photo: Photo, name: str, grid: tuple[int, int]
) -> None:
    recording = dinov2.record(sample_photo(name), 224)
    assert recording.grid == grid
    with torch.no_grad():
        theirs = reference(read(sample_photo(name), 224), output_attentions=True, output_hidden_states=True)
    assert differences(recording, theirs.attentions).max() < 1e-4
    before_norm = theirs.hidden_states[-1]
    assert torch.equal(reference.layernorm(before_norm), theirs.last_hidden_state)
    np.testing.assert_allclose(recording.outputs["norms"], before_norm[0].norm(dim=-1), atol=1e-4, rtol=0)
    np.testing.assert_allclose(recording.outputs["embedding"], theirs.last_hidden_state[0, 0], atol=1e-4, rtol=0)


def test_in_float64_nothing_is_left_between_the_two(sample_photo: Photo) -> None:
    exact = load_model("dinov2-focus", device="cpu", dtype="float64")
    assert isinstance(exact, EncoderImageModel)
    reference = dinov2_like(exact.network, CONFIG)
    for name in ("astronaut", "coffee"):
        recording = exact.record(sample_photo(name), 224)
        with torch.no_grad():
            theirs = reference(read(sample_photo(name), 224).double(), output_attentions=True)
        assert recording.attention(11).dtype == np.float64
        assert differences(recording, theirs.attentions).max() < 1e-8
