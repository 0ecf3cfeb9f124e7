"""The share on patches of a high norm, of a model that makes them: beside transformers' eager weights and norms."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.analysis.roles.recorded import RecordedRoles, high_norm_of, positions_of, role_scores
from headlens.model.atlas.findings import findings
from headlens.model.errors import RecordingError
from headlens.model.load import load_model
from headlens.model.recording.recording import Recording
from tests.model.huggingface.image_models import dark_photo, eager_attentions, load, save_with_high_norms

PREFIX = 4  # [CLS] and three registers
BRIGHT = (1, 2)
PLACE = PREFIX + 4 * 1 + 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_with_high_norms(tmp_path_factory.mktemp("high"))


def test_the_role_sees_a_patch_that_is_made_to_be_one(folder: Path, tmp_path: Path) -> None:
    model: Any = load_model(str(folder), device="cpu")
    recording = model.record(dark_photo(BRIGHT))
    norms = recording.outputs["norms"]
    assert norms[PLACE] > 5 * np.median(norms[PREFIX:]) > 0
    high = high_norm_of(recording)
    assert high is not None
    assert np.flatnonzero(high).tolist() == [PLACE]
    pixels = model.read(dark_photo(BRIGHT)).pixels
    eager = np.stack([layer[0] for layer in eager_attentions(load(folder).network, pixel_values=pixels)])
    expected = (eager[..., PLACE] / eager[..., PREFIX:].sum(axis=-1)).mean(axis=-1)  # [layer, head]
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(role_scores(recording)["registers"], expected, atol=5e-5)
    recording.save(tmp_path / "saved.safetensors")
    loaded = Recording.load(tmp_path / "saved.safetensors")
    np.testing.assert_array_equal(loaded.outputs["norms"], norms)
    np.testing.assert_allclose(role_scores(loaded)["registers"], expected, atol=5e-5)


def test_where_no_patch_is_of_a_high_norm_it_cannot_be_told(folder: Path) -> None:
    recording = load(folder).record(dark_photo())
    recorded = RecordedRoles(recording)
    sums, index = recorded.of_all(), [role.key for role in recorded.roles].index("registers")
    assert not sums.count[index].any()
    assert np.isnan(sums.mean[index]).all()


def test_photos_of_one_shape_each_have_their_own(folder: Path) -> None:
    """An atlas shares between them what is known of their patches."""
    model = load(folder)
    photos = [dark_photo(BRIGHT), dark_photo((3, 0), (0, 3)), dark_photo(), dark_photo(BRIGHT)]
    recordings = model.record_attention([model.read(photo) for photo in photos])
    found = findings(recordings, [positions_of(recording) for recording in recordings]).scores.values
    for number, photo in enumerate(photos):
        alone = role_scores(model.record(photo))
        assert found.keys() == alone.keys()
        for name, scores in alone.items():
            np.testing.assert_allclose(found[name][number], scores, atol=1e-5, rtol=1e-5)


def test_norms_of_other_positions_are_no_part_of_a_recording(folder: Path) -> None:
    recording = load(folder).record(dark_photo())
    for norms in (np.ones(16, np.float32), np.ones((20, 1), np.float32)):
        with pytest.raises(RecordingError, match="shape of norms should be"):
            replace(recording, outputs={"norms": norms})
    assert "registers" not in role_scores(replace(recording, outputs={})), "as of a file that was saved before"


def test_dinov2_small_has_none(dinov2: Any, sample_photo: Callable[[str], Path]) -> None:
    """As in figure 4c of the paper: they appear from ViT-L on."""
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        with torch.inference_mode():
            (recording,) = dinov2.record_attention([dinov2.read(sample_photo(name), 224)])
        norms = recording.outputs["norms"][1:]
        assert norms.max() < 1.5 * np.median(norms)
