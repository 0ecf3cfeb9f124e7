"""Roles of the bundled models' heads, beside a plain computation over transformers' own eager weights."""

from typing import Any

import numpy as np
import torch

from headlens.model.analysis.roles.recorded import role_scores
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from tests.references import bert_from_files

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
    assert scores["special"].mean(axis=-1).round(2).tolist() == [0.26, 0.54, 0.57, 0.49, 0.51, 0.37]
    inner = eager[..., 1:-1] / eager[..., 1:-1].sum(axis=-1, keepdims=True)  # [CLS] and [SEP] are taken away
    after_first = np.stack([inner[..., query, query - 2] for query in range(2, 16)], axis=-1)  # its key before
    np.testing.assert_allclose(scores["previous"], after_first.mean(axis=-1), atol=5e-5)
