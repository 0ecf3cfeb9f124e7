"""SmolLM2 beside TransformerLens, which wraps transformers' own modules; a tool of these tests, where it is there.

`pip install --no-deps transformer-lens==4.3.0 beartype einops fancy-einsum jaxtyping typeguard wadler-lindig datasets
dill multiprocess xxhash httpx` is all that it needs here; all its dependencies bring wandb and OpenTelemetry along.
"""

import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from headlens.model.analysis.roles.repeated import repeated_input, repeated_scores
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate
from headlens.model.pretrained.registry import CATALOGUE
from headlens.model.pretrained.smollm2 import cache_folder
from tests.model.quoted import quoted

TEXT = "The capital of France is Paris, and the capital of Spain is"
HALF = 12


@pytest.fixture(scope="module")
def bridge(smollm2: Any) -> Iterator[Any]:
    """The same weights, from the folder that ours were read from."""
    if importlib.util.find_spec("transformer_lens") is None:
        reason = (
            "SmolLM2 is NOT compared with TransformerLens: transformer_lens is not installed (see this file's head)"
        )
        warnings.warn(reason, stacklevel=1)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng():
        patch.setenv("HF_HUB_OFFLINE", "1")
        from transformer_lens.model_bridge import TransformerBridge

        checkpoint = CATALOGUE["smollm2-135m"]
        (sha256,) = checkpoint.files.values()
        folder = cache_folder() / f"{checkpoint.name}-{sha256[:12]}"
        yield TransformerBridge.boot_transformers(str(folder), device="cpu", dtype=torch.float32)


@pytest.mark.parametrize("heads", [[(0, 1)], [(18, 6)], [(29, 1)], [(3, 2), (16, 0), (17, 4)]])
def test_heads_at_zero(heads: list[tuple[int, int]], smollm2: Any, bridge: Any) -> None:
    experiment = Experiment(smollm2, smollm2.read(TEXT))
    asked: Any = target(experiment, Choice("next", len(experiment.input.ids) - 1))
    change = ablate(experiment, heads, asked, by="zero")

    def off(z: Tensor, hook: Any) -> Tensor:  # [batch, token, head, d_value]
        z = z.clone()
        for layer, head in heads:
            if f".{layer}." in hook.name:
                z[:, :, head] = 0
        return z

    ids = torch.tensor([experiment.input.ids])
    with torch.no_grad():
        theirs = bridge.run_with_hooks(
            ids, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", off) for layer in {layer for layer, _ in heads}]
        )[0, -1]
        before = bridge(ids)[0, -1]
    for logits, value, probability, candidates in (
        (before, change.before, change.probability_before, change.candidates_before),
        (theirs, change.after, change.probability_after, change.candidates_after),
    ):
        assert value == pytest.approx(float(logits[asked.candidate] - logits[asked.against]), abs=1e-4)
        assert probability == pytest.approx(float(logits.softmax(-1)[asked.candidate]), abs=1e-4)
        assert [each.logit for each in candidates[:10]] == logits.topk(10).indices.tolist()
    assert abs(change.after - change.before) > 1e-3


def test_the_order_of_induction_heads(smollm2: Any, bridge: Any) -> None:
    ids, scores = repeated_input(smollm2, HALF).ids, repeated_scores(smollm2, HALF)
    assert ids[:HALF] == ids[HALF:]
    with torch.no_grad():
        _, cache = bridge.run_with_cache(torch.tensor([ids]), names_filter=lambda name: name.endswith("hook_pattern"))
    patterns = torch.stack([cache[f"blocks.{layer}.attn.hook_pattern"][0] for layer in range(30)])
    theirs = patterns.diagonal(1 - HALF, dim1=-2, dim2=-1)[..., 1:].mean(dim=-1).numpy()  # as its demo has it
    np.testing.assert_allclose(scores["induction"], theirs, rtol=0, atol=1e-5)
    assert np.argsort(-scores["induction"].ravel())[:20].tolist() == np.argsort(-theirs.ravel())[:20].tolist()
    highest = np.unravel_index(theirs.argmax(), theirs.shape)  # layer, head
    assert [round(float(theirs.max()), 2), *highest] == quoted("SmolLM2: highest induction score")
    copies = patterns.diagonal(-HALF, dim1=-2, dim2=-1).mean(dim=-1).numpy()
    np.testing.assert_allclose(scores["duplicate"], copies, rtol=0, atol=1e-5)
