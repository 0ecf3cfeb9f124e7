"""On a GPU: what an atlas finds of recordings that stay there is what it finds of the same ones on the processor."""

from dataclasses import replace

import numpy as np
import pytest
import torch

if not torch.cuda.is_available():
    pytest.skip("this machine has no CUDA GPU", allow_module_level=True)

from headlens.model.analysis.roles.recorded import positions_of, role_scores
from headlens.model.atlas.findings import findings
from headlens.model.recording.recording import Recording
from tests.masks import KINDS
from tests.recordings import random_recording

NAMES = ("query", "key", "value", "mask")


def on_gpu(recording: Recording) -> Recording:
    layers = [
        replace(layer, **{name: getattr(layer, name).cuda() for name in NAMES if getattr(layer, name) is not None})
        for layer in recording.layers
    ]
    return replace(recording, layers=tuple(layers))


@pytest.mark.parametrize("kind", KINDS)
def test_findings_of_recordings_on_the_gpu(kind: str) -> None:
    first = random_recording(kind, num_layers=3, num_tokens=9)
    special = np.arange(9) == 4
    several = [first, replace(first, layers=first.layers[::-1]), replace(first, special=special)]
    positions = [positions_of(recording) for recording in several]
    expected = findings(several, positions)
    found = findings([on_gpu(recording) for recording in several], positions)
    for name, values in expected.scores.values.items():
        np.testing.assert_allclose(found.scores.values[name], values, atol=1e-4, err_msg=name)
    for name, values in expected.excited.items():
        np.testing.assert_allclose(found.excited[name], values, atol=1e-4, err_msg=name)
    np.testing.assert_array_equal(found.queries, expected.queries)
    np.testing.assert_array_equal(found.keys, expected.keys)
    np.testing.assert_allclose(found.rows, expected.rows, atol=1e-4)


def test_roles_of_a_recording_on_the_gpu() -> None:
    recording = random_recording(num_tokens=9)
    found = role_scores(on_gpu(recording))
    for name, scores in role_scores(recording).items():
        np.testing.assert_allclose(found[name], scores, atol=1e-4, err_msg=name)
