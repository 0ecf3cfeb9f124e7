"""`headlens roles` says what the API says."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from headlens.model.analysis.roles.recorded import role_scores
from headlens.model.analysis.roles.repeated import repeated_scores
from headlens.model.atlas import open_atlas
from headlens.model.recording.recording import Recording
from tests.model.huggingface.image_models import dark_photo, load, save_with_high_norms
from tests.viz.cli.conftest import Headlens


def test_the_roles_of_a_saved_recording(headlens: Headlens, saved: Path, trophy: Recording, tmp_path: Path) -> None:
    expected = role_scores(trophy)
    code, printed, _ = headlens("roles", saved)
    lines = printed.splitlines()
    assert code == 0
    assert lines[0].split("  ")[0] == "layer"
    assert len(lines) == 1 + 72
    head = [line for line in lines if line.startswith("0      2 ")]
    assert head[0].split() == ["0", "2", f"{expected['special'][0, 2]:.2f}", "previous", "token", "1.00"]
    path = tmp_path / "roles.csv"
    assert headlens("roles", saved, "--out", path) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert rows[2]["role"] == "previous"
    found = json.loads(headlens("roles", saved, "--json").out)
    for key, scores in expected.items():
        written = np.array([float(row[key]) for row in rows]).reshape(6, 12)
        np.testing.assert_allclose(written, scores, rtol=1e-7)
        said = [np.nan if head["scores"][key] is None else head["scores"][key] for head in found]
        np.testing.assert_allclose(np.reshape(said, (6, 12)), scores, rtol=1e-7)


def test_induction_on_random_tokens_that_are_read_twice(headlens: Headlens, smollm2: Any, tmp_path: Path) -> None:
    expected = repeated_scores(smollm2, 12)
    code, printed, _ = headlens("induction", "--model", "smollm2-135m", "--length", 12)
    first = printed.splitlines()[1].split()
    assert (code, len(printed.splitlines())) == (0, 11)
    layer, head = np.unravel_index(expected["induction"].argmax(), expected["induction"].shape)
    assert first == [
        str(layer),
        str(head),
        *(f"{expected[name][layer, head]:.2f}" for name in ("induction", "duplicate")),
    ]
    path = tmp_path / "induction.csv"
    assert headlens("induction", "--model", "smollm2-135m", "--length", 12, "--out", path) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    found = json.loads(headlens("induction", "--model", "smollm2-135m", "--length", 12, "--json").out)
    for name, scores in expected.items():
        for written in (rows, found):
            np.testing.assert_allclose([float(row[name]) for row in written], scores.ravel(), atol=1e-5)
    code, _, err = headlens("induction", "--model", "minilm-l6")
    assert (code, err) == (2, "headlens: Induction is what causal language models do; give one of these.\n")


def test_patches_of_a_high_norm_are_among_the_roles_of_photos(headlens: Headlens, tmp_path: Path) -> None:
    """Of a saved recording, and of an atlas."""
    folder, photos = save_with_high_norms(tmp_path / "model"), tmp_path / "photos"
    photos.mkdir()
    for number, bright in enumerate(((0, 1), (3, 2))):
        dark_photo(bright).save(photos / f"{number}.png")
    out, atlas = tmp_path / "photo.safetensors", tmp_path / "atlas"
    assert headlens("record", photos / "0.png", "--model", folder, "--out", out).code == 0
    said = json.loads(headlens("roles", out, "--json").out)
    scores = np.array([head["scores"]["registers"] for head in said]).reshape(2, 4)
    recordings = [load(folder).record(photos / f"{number}.png") for number in (0, 1)]
    expected = [role_scores(recording)["registers"] for recording in recordings]
    np.testing.assert_allclose(scores, expected[0], atol=1e-5)
    assert headlens("atlas", "build", photos, "--model", folder, "--vectors", 1, "--out", atlas).code == 0
    np.testing.assert_allclose(open_atlas(atlas).heads("registers"), np.mean(expected, axis=0), atol=1e-5)
