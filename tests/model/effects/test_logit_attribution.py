"""A logit as a sum of parts: the sum is the logit, and each part what transformers' own weights make of it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headlens.model import load_model
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.logit_attribution import LogitAttribution, logit_attribution
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import InputError
from tests.model.effects.test_heads import HEADS, TEXT, ExperimentOf, contexts, eager_of, experiment_of, projections
from tests.model.huggingface.text_models import GROUPED, LAYERS, tokenizer_of, write_model
from tests.sentences import is_one_sentence

__all__ = ["experiment_of"]  # the fixture
UNCAPPED = {**GROUPED, **LAYERS, "head_dim": 8, "final_logit_softcapping": None}
SCALED = {"residual_multiplier": 0.3, "logits_scaling": 4.0, "embedding_multiplier": 3.0, "pad_token_id": 0}
MADE: dict[str, tuple[str, Mapping[str, Any]]] = {
    "Gemma 2, logits not capped": ("Gemma2ForCausalLM", UNCAPPED),
    "Granite": ("GraniteForCausalLM", {**GROUPED, **SCALED}),  # what parts add is scaled, and so are the logits
    "GPT-2 classifier": ("GPT2ForSequenceClassification", {"n_embd": 32, "n_layer": 2, "n_head": 4, "pad_token_id": 0}),
}
LANGUAGE = ("GPT-2", "Llama", "Qwen 3", "GPT-NeoX", "GPT-J", "BLOOM", "OPT", "Gemma 3", "Cohere", "OLMo 2", "Granite")
ANSWERED = (*LANGUAGE, "Gemma 2, logits not capped", "GPT-2 classifier", "vit-classifier")


@pytest.fixture(scope="session")
def asked_of_made(experiment_of: ExperimentOf, tmp_path_factory: pytest.TempPathFactory) -> ExperimentOf:
    """As `experiment_of`, of the models that only these tests need too."""
    made = dict[str, Experiment]()

    def find(family: str) -> Experiment:
        if family not in MADE:
            return experiment_of(family)
        if family not in made:
            name, shape = MADE[family]
            folder = write_model(tmp_path_factory.mktemp("made") / "model", tokenizer_of(True), name, **shape)
            model: Any = load_model(str(folder), device="cpu")
            made[family] = Experiment(model, model.read(TEXT))
        return made[family]

    return find


def asked_about(experiment: Experiment, against: Any) -> LogitTarget:
    ids = getattr(experiment.input, "ids", ())
    writes = experiment.model.predicts.name == "NEXT_TOKEN"
    asked = target(experiment, Choice("next", len(ids) // 2) if writes else Choice("class"), against=against)
    assert isinstance(asked, LogitTarget)
    return asked


def parts_of(found: LogitAttribution) -> np.ndarray:
    rest = (found.embedding, found.biases, found.norm_bias)
    return np.concatenate([found.heads.ravel(), found.mlp, rest]).astype(np.float64)


@pytest.mark.parametrize("against", [None, "second"])
@pytest.mark.parametrize("family", ANSWERED)
def test_all_parts_sum_to_the_logit(family: str, against: Any, asked_of_made: ExperimentOf) -> None:
    experiment = asked_of_made(family)
    asked = asked_about(experiment, against)
    found = logit_attribution(experiment, asked)
    assert found.heads.shape == (2, HEADS)
    assert found.heads.dtype == found.mlp.dtype == np.float32
    assert found.mlp.shape == (2,)
    _, run = eager_of(experiment)
    with torch.no_grad():
        logits = run().logits[0]
    logits = logits if asked.at is None else logits[asked.at]
    logit = float(logits[asked.candidate]) - (float(logits[asked.against]) if isinstance(asked.against, int) else 0)
    parts = parts_of(found)
    assert abs(parts.sum() - logit) <= 1e-4 * np.abs(parts).sum()
    assert found.total == pytest.approx(logit, abs=1e-5)
    assert found.error <= 1e-4
    assert np.abs(found.heads).max() > 1e-5


def layer_norm(norm: Any, row: Tensor) -> Tensor:
    """The linear map of a frozen LayerNorm as a matrix [width, width] (Ba et al. 2016, equation 4)."""
    width = len(row)
    centre = torch.eye(width, dtype=row.dtype) - 1 / width
    return torch.diag(norm.weight.double() / (row.var(correction=0) + norm.eps).sqrt()) @ centre


def rms_norm(weight: Tensor, row: Tensor, eps: float) -> Tensor:
    """The same of an RMSNorm (Zhang & Sennrich 2019, equation 4)."""
    return torch.diag(weight.double() / (row.pow(2).mean() + eps).sqrt())


def final_norm_of(family: str, network: Any, row: Tensor) -> Tensor:
    if family == "GPT-2":
        return layer_norm(network.transformer.ln_f, row)
    if family == "GPT-NeoX":
        return layer_norm(network.gpt_neox.final_layer_norm, row)
    if family == "vit-classifier":
        return layer_norm(network.vit.layernorm, row)
    norm = network.model.norm
    return rms_norm(1 + norm.weight if "Gemma" in family else norm.weight, row, network.config.rms_norm_eps)


def branch_norm_of(family: str, layer: Any, row: Tensor) -> Tensor:
    """Behind attention, in families that have one there."""
    if "Gemma" not in family and family != "OLMo 2":
        return torch.eye(len(row), dtype=row.dtype)
    norm = layer.post_attention_layernorm
    eps = norm.eps if "Gemma" in family else norm.variance_epsilon
    return rms_norm(1 + norm.weight if "Gemma" in family else norm.weight, row, eps)


BY_HAND = ("GPT-2", "Llama", "GPT-NeoX", "Gemma 2, logits not capped", "OLMo 2", "vit-classifier")


@torch.no_grad()
@pytest.mark.parametrize("family", BY_HAND)
def test_a_head_s_part_is_its_output_through_the_frozen_norms(family: str, asked_of_made: ExperimentOf) -> None:
    """Written out with transformers' own weights, as matrices, from an eager run."""
    experiment = asked_of_made(family)
    asked = asked_about(experiment, "second")
    assert isinstance(asked.against, int)
    found = logit_attribution(experiment, asked)
    network, run = eager_of(experiment)
    net: Any = network
    at = 0 if asked.at is None else asked.at
    modules: list[Any] = projections(network)
    unembedding: nn.Linear = net.classifier if family == "vit-classifier" else net.get_output_embeddings()
    seen = dict[nn.Module, tuple[Tensor, Tensor]]()
    final: Any = next(
        module
        for name, module in network.named_modules()
        if name.endswith(("ln_f", "final_layer_norm", "model.norm", "vit.layernorm"))
    )
    for module in (final, *modules):
        module.register_forward_hook(lambda mod, args, out: seen.update({mod: (args[0][0], out[0])}))
    reads = contexts(modules, run)
    norm = final_norm_of(family, net, seen[final][0][at].double())
    read = (unembedding.weight[asked.candidate] - unembedding.weight[asked.against]).double()
    layers = next(module for module in network.modules() if isinstance(module, nn.ModuleList))
    biases = 0.0
    for index, projection in enumerate(modules):
        weight = projection.weight.double().T if family == "GPT-2" else projection.weight.double()
        branch = branch_norm_of(family, layers[index], seen[projection][1][at].double())
        for head in range(HEADS):
            rows = reads[index][0, at, head].double()
            output = weight[:, head * len(rows) : (head + 1) * len(rows)] @ rows
            expected = float(read @ norm @ branch @ output)
            assert found.heads[index, head] == pytest.approx(expected, rel=1e-4, abs=1e-5)
        if projection.bias is not None:
            biases += float(read @ norm @ branch @ projection.bias.double())
    assert found.biases == pytest.approx(biases, rel=1e-4, abs=1e-5)
    norm_bias = 0.0 if getattr(final, "bias", None) is None else float(read @ final.bias.double())
    if unembedding.bias is not None:
        norm_bias += float(unembedding.bias[asked.candidate] - unembedding.bias[asked.against])
    assert found.norm_bias == pytest.approx(norm_bias, rel=1e-4, abs=1e-5)
    first: list[Tensor] = []
    layers[0].register_forward_pre_hook(
        lambda _, args, kwargs: first.append((args or (kwargs["hidden_states"],))[0][0, at]), with_kwargs=True
    )
    run()
    assert found.embedding == pytest.approx(float(read @ norm @ first[0].double()), rel=1e-4, abs=1e-5)


def test_smollm2(smollm2: Any) -> None:
    experiment = Experiment(smollm2, smollm2.read("The capital of France is"))
    for asked in (target(experiment, against=None), target(experiment, candidate="Paris", against="London")):
        found = logit_attribution(experiment, asked)
        assert found.heads.shape == (30, 9)
        assert found.mlp.shape == (30,)
        assert abs(parts_of(found).sum() - found.total) <= 1e-4 * np.abs(parts_of(found)).sum()
        assert found.biases == found.norm_bias == 0.0
    assert found.total > 0


def test_nothing_stays_with_the_network(asked_of_made: ExperimentOf) -> None:
    experiment = asked_of_made("GPT-2")
    hooks = [len(module._forward_hooks) for module in experiment.model.network.modules()]
    first, second = (logit_attribution(experiment, asked_about(experiment, "second")) for _ in range(2))
    assert [len(module._forward_hooks) for module in experiment.model.network.modules()] == hooks
    np.testing.assert_array_equal(first.heads, second.heads)


@pytest.mark.parametrize(
    ("family", "reason"),
    [
        ("BERT", "after each addition"),
        ("ModernBERT", "dense layer"),
        ("OPT, narrow words", "dense layer"),
        ("Gemma 2", "caps its logits"),
        ("T5", "several stages"),
        ("dinov2-classifier", "more than one position"),
    ],
)
def test_models_that_are_refused(family: str, reason: str, asked_of_made: ExperimentOf) -> None:
    experiment = asked_of_made(family)
    with pytest.raises(InputError, match=reason) as refused:
        logit_attribution(experiment, target(experiment))
    assert is_one_sentence(refused.value)


def _movement(experiment: Experiment) -> Target:
    return target(experiment, Choice("movement"))


def _others(experiment: Experiment) -> Target:
    return target(experiment, against="others")


def _start(experiment: Experiment) -> Target:
    return LogitTarget(0, 1, None, "start_logits")


@pytest.mark.parametrize(
    ("family", "make", "reason"),
    [("deit", _movement, "Only a logit"), ("GPT-2", _others, "no sum"), ("GPT-2", _start, "Only a logit")],
)
def test_targets_that_are_refused(
    family: str, make: Callable[[Experiment], Target], reason: str, asked_of_made: ExperimentOf
) -> None:
    experiment = asked_of_made(family)
    with pytest.raises(InputError, match=reason) as refused:
        logit_attribution(experiment, make(experiment))
    assert is_one_sentence(refused.value)


def test_parts_that_do_not_add_up_are_refused(asked_of_made: ExperimentOf, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = asked_of_made("GPT-2")
    asked = asked_about(experiment, "second")
    monkeypatch.setattr(LogitTarget, "read", lambda *_: torch.tensor([123.0]))
    with pytest.raises(InputError, match="do not add up") as refused:
        logit_attribution(experiment, asked)
    assert is_one_sentence(refused.value)
