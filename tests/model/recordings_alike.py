"""Whether two recordings are of the same numbers."""

import numpy as np

from headlens.model.recording.recording import Recording


def assert_alike(found: Recording, expected: Recording, tolerance: float) -> None:
    """Everything but seconds: shapes and words exactly, numbers up to a tolerance, in all stages."""
    for name in ("tokens", "words", "segments", "offsets", "texts", "prefix_tokens", "stage", "notes", "grid", "model"):
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_array_equal(found.special, expected.special)
    assert (found.num_layers, found.num_heads) == (expected.num_layers, expected.num_heads)
    assert (found.num_tokens, found.num_keys) == (expected.num_tokens, expected.num_keys)
    for layer in range(expected.num_layers):
        close(found.attention(layer), expected.attention(layer), tolerance)
        if not expected.layers[layer].scores_only:
            for part in ("query", "key", "value"):
                close(getattr(found, part)(layer), getattr(expected, part)(layer), tolerance)
        mask = found.mask(layer, 0)
        assert mask is None or mask.shape[-1] in (1, expected.num_keys)
    assert found.outputs.keys() == expected.outputs.keys()
    for name, output in expected.outputs.items():
        close(found.outputs[name], output, max(tolerance, 1e-6))  # they are float32
    assert len(found.predictions) == len(expected.predictions)
    for one, other in zip(found.predictions, expected.predictions):
        assert one.position == other.position
        probabilities = [[chance for _, chance in prediction.candidates] for prediction in (one, other)]
        np.testing.assert_allclose(probabilities[0], probabilities[1], rtol=0, atol=max(tolerance, 1e-6))
        assert one.candidates[0][0] == other.candidates[0][0]
    assert found.stages.keys() == expected.stages.keys()
    for name, stage in expected.stages.items():
        assert_alike(found.stages[name], stage, tolerance)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Beside the largest number."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1.0, float(np.abs(expected).max())))
