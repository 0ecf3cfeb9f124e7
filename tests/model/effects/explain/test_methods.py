"""All methods: what is refused and why, what is left behind, and what they find in the bundled models."""

from typing import Any

import numpy as np
import pytest
import torch

from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import METHODS, explain, why_not
from headlens.model.errors import InputError
from tests.sentences import is_one_sentence

GRADIENT = ("chefer", "legrad", "gradient_input", "integrated")
TEXT = "The nurse said that she was tired, and the doctor listened to her."


def hooks_of(network: torch.nn.Module) -> list[tuple[int, int]]:
    return [(len(module._forward_hooks), len(module._forward_pre_hooks)) for module in network.modules()]


def test_every_method_leaves_the_model_as_it_was(case_of: Any) -> None:
    for family in ("BERT", "ViT", "Llama", "T5"):
        case = case_of(family)
        experiment = Experiment(case.model, case.given)
        with torch.no_grad():
            before = experiment.forward([case.given]).outputs.logits
            hooks = hooks_of(case.model.network)  # transformers' own, which its first run leaves
            for method in METHODS:
                if why_not(experiment, case.target, method) is None:
                    found = explain(experiment, case.target, method)
                    assert found.method == method
                    assert found.scores.dtype == np.float32
                    num_tokens = len(case.given.ids) if hasattr(case.given, "ids") else experiment.num_rows
                    assert found.scores.shape == (num_tokens,)
                    assert np.isfinite(found.scores).all()
                    assert found.about_output == METHODS[method].about_output
                    assert is_one_sentence(ValueError(found.held)), found.held
            after = experiment.forward([case.given]).outputs.logits
        assert torch.equal(before, after)
        assert hooks_of(case.model.network) == hooks


@pytest.mark.parametrize(
    ("family", "missing"),
    [
        ("BERT", ()),
        ("ViT", ()),
        ("Llama", ()),
        ("T5", ("legrad", "flow")),
        ("BLOOM", ("chefer", "legrad", "norms")),
        ("MPNet", ("chefer", "legrad", "norms")),
    ],
)
def test_what_is_refused(family: str, missing: tuple[str, ...], case_of: Any) -> None:
    case = case_of(family)
    reasons = {method: why_not(case.experiment, case.target, method) for method in METHODS}
    assert tuple(method for method, reason in reasons.items() if reason is not None) == missing
    for method in missing:
        assert is_one_sentence(ValueError(reasons[method])), reasons[method]
        with pytest.raises(InputError):
            explain(case.experiment, case.target, method)


def test_what_moves_has_no_gradient(minilm: Any) -> None:
    experiment = Experiment(minilm, minilm.read(TEXT))
    moved = target(experiment, Choice("movement"))
    assert tuple(method for method in METHODS if why_not(experiment, moved, method) is not None) == GRADIENT


def test_no_such_method(case_of: Any) -> None:
    case = case_of("BERT")
    with pytest.raises(InputError, match="chefer"):
        explain(case.experiment, case.target, "lrp")


def test_nothing_behind_the_target(case_of: Any) -> None:
    case = case_of("Llama")
    early = target(case.experiment, Choice("next", 4))
    for method in METHODS:
        scores = explain(case.experiment, early, method).scores
        assert not scores[5:].any(), method
        assert scores[:5].any(), method


def test_a_sentence_is_like_another_for_its_words(minilm: Any) -> None:
    experiment = Experiment(minilm, minilm.read(TEXT))
    similar = target(experiment, Choice("similarity"), other="The nurse was weary.")
    scores = explain(experiment, similar, "integrated").scores
    assert {experiment.input.tokens[at] for at in scores.argsort()[-2:]} == {"nurse", "tired"}
    assert explain(experiment, similar, "rollout").scores.sum() == pytest.approx(1, abs=1e-5)


def test_a_region_of_a_photo(dinov2: Any, sample_photo: Any) -> None:
    """What a patch's saliency rests on lies near it."""
    experiment = Experiment(dinov2, dinov2.read(sample_photo("chelsea"), "letterbox"))
    region = target(experiment, Choice("saliency"), region=((7, 9), (7, 9)))
    rows, columns = np.indices((16, 16))
    near = np.hypot(rows - 7.5, columns - 7.5).ravel() < 4
    for method in ("chefer", "gradient_input", "attention"):
        scores = np.abs(explain(experiment, region, method).scores[1:])
        assert scores[near].mean() > 1.5 * scores[~near].mean(), method


def test_what_a_word_rests_on(smollm2: Any) -> None:
    experiment = Experiment(smollm2, smollm2.read("The capital of France is"))
    paris = target(experiment, candidate="Paris", against="London")
    scores = explain(experiment, paris, "chefer").scores
    assert scores[1:].argmax() + 1 == 3  # " France"; heads rest on the first token
