"""Roles of the bundled models' heads, beside a plain computation over transformers' own eager weights."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headlens.model.analysis.roles.recorded import RecordedRoles, positions_of, role_scores
from headlens.model.analysis.roles.text import BROAD, DUPLICATE
from headlens.model.pretrained.dinov2_onnx import CONFIG
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.recording.recording import Recording
from tests.model.quoted import quoted
from tests.references import bert_from_files, dinov2_like

TEXT = "The trophy does not fit in the suitcase because it is too big."


def test_how_much_rests_on_cls_and_sep_in_each_layer_of_minilm(minilm: Any) -> None:
    files = locate(CATALOGUE["minilm-l6"])
    bert = bert_from_files(files["config.json"], files["model.safetensors"])
    with torch.no_grad():
        output = bert(torch.tensor([minilm.read(TEXT).ids]), output_attentions=True)
    eager = np.stack([weights[0].numpy() for weights in output.attentions])  # [layer, head, query, key]
    scores = role_scores(minilm.record(TEXT))
    np.testing.assert_allclose(scores["first"], eager[..., 0].mean(axis=-1), atol=5e-5)
    np.testing.assert_allclose(scores["special"], (eager[..., 0] + eager[..., -1]).mean(axis=-1), atol=5e-5)
    by_layer = (eager[..., 0] + eager[..., -1]).mean(axis=(-1, -2))
    assert by_layer.astype(float).round(2).tolist() == quoted("MiniLM: share on [CLS] and [SEP]")
    inner = eager[..., 1:-1] / eager[..., 1:-1].sum(axis=-1, keepdims=True)  # [CLS] and [SEP] are taken away
    after_first = np.stack([inner[..., query, query - 2] for query in range(2, 16)], axis=-1)  # its key before
    np.testing.assert_allclose(scores["previous"], after_first.mean(axis=-1), atol=5e-5)


def test_how_far_dinov2_looks_in_each_layer(dinov2: Any, sample_photo: Callable[[str], Path]) -> None:
    """Dosovitskiy et al. 2021, figure 7; on the patches alone, and with [CLS] as no distance away."""
    network = dinov2_like(dinov2.network, CONFIG)
    own, alone, with_cls = [], [], []
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        read = dinov2.read(sample_photo(name), 224)
        scores = role_scores(dinov2.record_input(read))
        own.append((scores["distance"], scores["distance-all"]))
        with torch.no_grad():
            output = network(read.pixels, output_attentions=True)
        weights = np.stack([layer[0].numpy() for layer in output.attentions])[:, :, 1:, 1:]  # between patches
        columns = read.photo.grid[1]
        places = [(patch // columns, patch % columns) for patch in range(weights.shape[-1])]
        far = np.array([[np.hypot(row - top, column - left) for top, left in places] for row, column in places])
        alone.append(((weights * far).sum(axis=-1) / weights.sum(axis=-1)).mean(axis=-1))
        with_cls.append((weights * far).sum(axis=-1).mean(axis=-1))
    theirs = np.stack([alone, with_cls], axis=1)  # [photo, which, layer, head]
    np.testing.assert_allclose(own, theirs, atol=1e-3)
    by_layer = theirs.mean(axis=(0, 3)).astype(float).round(2)
    assert by_layer[0].tolist() == quoted("DINOv2: distance in patches")
    assert by_layer[1].tolist() == quoted("DINOv2: distance in patches, [CLS] as 0")


def names(recording: Recording) -> Counter[str]:
    """How many heads are called after each role; "" after none."""
    recorded = RecordedRoles(recording)
    called = recorded.called(recorded.of_all())
    return Counter(each.role.key if each is not None and each.stands_out else "" for each in called)


def test_no_head_is_called_after_the_one_full_stop_that_looks_at_itself(smollm2: Any) -> None:
    recording = smollm2.record("The capital of France is Paris.")
    assert (role_scores(recording)["ends"] > 0.5).sum() > 50, "of one position"
    found = names(recording)
    assert found["ends"] == found["punctuation"] == 0
    assert found["same"] + found["previous"] > 0


def test_no_head_is_called_after_punctuation_where_there_is_nothing_else(minilm: Any) -> None:
    assert names(minilm.record(". , ; . , ; : ! ?"))["punctuation"] == 0


def test_a_head_whose_heat_is_confined_to_the_cup_is_not_broad(
    dinov2: Any, sample_photo: Callable[[str], Path]
) -> None:
    """The rest spreads over 0.6 of what can be seen; its entropy is 0.9 of the largest."""
    broad = role_scores(dinov2.record(sample_photo("coffee"), 224))["broad"]
    assert 0.85 < broad[11, 4] < 0.93
    assert (broad >= BROAD.named_from).sum() == 1


def test_the_same_token_has_the_same_id_and_not_only_the_same_name(minilm: Any, smollm2: Any, tmp_path: Path) -> None:
    """A piece inside of a word is another one, and so is a word with a space before it."""
    recording = minilm.record("A minibus and a bus stop at the bus.")
    names = [position for position, name in enumerate(recording.tokens) if name == "bus"]
    inside, *words = names
    assert len(words) == 2
    recording.save(tmp_path / "saved.safetensors")
    for known in (recording, Recording.load(tmp_path / "saved.safetensors")):
        positions = positions_of(known)
        assert positions.ids[words[0]] == positions.ids[words[1]] != positions.ids[inside]
        counts = DUPLICATE.counts(positions, np.array(names))
        assert [counts[row].nonzero()[0].tolist() for row in range(3)] == [[], [words[1]], [words[0]]]
    recording = smollm2.record("the cat and the dog")
    first, second = (position for position, name in enumerate(recording.tokens) if name.strip() == "the")
    positions = positions_of(recording)
    assert positions.ids[first] != positions.ids[second]
