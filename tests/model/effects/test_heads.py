"""Heads switched off, against transformers' own eager models with hooks before their output projections."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headlens.model import load_model
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate, head_effects
from headlens.model.effects.targets import LogitTarget, MovementTarget, Target
from headlens.model.errors import InputError
from headlens.model.huggingface.record.recorder import last_hidden_state
from headlens.model.pretrained.dinov2_onnx import CONFIG
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.registry import CATALOGUE
from tests.model.huggingface.image_models import FAMILIES as IMAGES
from tests.model.huggingface.image_models import PHOTO, load, save
from tests.model.huggingface.text_models import SEQUENCES
from tests.references import bert_from_files, dinov2_like
from tests.sentences import is_one_sentence

TEXT = "Birds fly south in winter, and geese fly with them."
OTHER = "Geese fly south in winter, and birds fly with them."
MASKED = "Birds fly [MASK] in winter, and geese fly with them."
TEXTS = ("BERT", "RoBERTa", "DistilBERT", "ALBERT", "GPT-2", "Llama", "Gemma 2", "Qwen 3", "GPT-NeoX", "T5", "BART")
BY_ITSELF = ("GPT-J", "BLOOM", "MPNet", "Falcon", "blip")  # they compute their softmax without transformers' interface
PHOTOS = ("vit-classifier", "deit", "dinov2", "beit")
STAGES = {
    "encoder": r"\bencoder\.",
    "decoder": r"\bdecoder\..*(SelfAttention|self_attn)",
    "cross": "EncDec|encoder_attn",
}
PROJECTION = re.compile(r"(attention|attn|Attention)\.(output\.dense|dense|out_lin|[co]_proj|out_proj|o|projection)$")
HEADS = 4

Eager = Callable[[], Any]  # runs transformers' own model on the input
OnRows = Callable[[int, Tensor], Tensor]  # (call, what a projection reads [batch, token, head, d_value])
ExperimentOf = Callable[[str], Experiment]


@pytest.fixture(scope="session")
def experiment_of(folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> ExperimentOf:
    """A small random model of a family on an input, each made once."""
    made = dict[str, Experiment]()

    def find(family: str) -> Experiment:
        if family not in made:
            made[family] = Experiment(*_model_and_input(family))
        return made[family]

    def _model_and_input(family: str) -> tuple[Any, Any]:
        if family in IMAGES:
            model: Any = load(save(tmp_path_factory.mktemp("photos"), IMAGES[family][0]()))
            return model, model.read(PHOTO)
        model = load_model(str(folder_of(family)), device="cpu")
        if family in SEQUENCES:
            return model, model.continued(TEXT, 5)
        return model, model.read(MASKED if model.tokenizer.token_to_id("[MASK]") is not None else TEXT)

    return find


def eager_of(experiment: Experiment) -> tuple[nn.Module, Eager]:
    """The network as transformers has it, and what runs it."""
    network: Any = copy.deepcopy(experiment.model.network)
    network.set_attn_implementation("eager")
    return network, partial(network, **experiment.model.run_inputs([experiment.input]), return_dict=True)


def projections(network: nn.Module, stage: str | None = None) -> list[nn.Module]:
    pattern = STAGES[stage] if stage is not None else ""
    return [part for name, part in network.named_modules() if PROJECTION.search(name) and re.search(pattern, name)]


@contextmanager
def hooked(modules: list[nn.Module], heads: int, on_rows: OnRows) -> Iterator[None]:
    """What the projections of heads read is changed; a module that is called several times counts each time."""
    count = 0

    def change(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal count
        rows = on_rows(count, args[0].unflatten(-1, (heads, -1)).clone())
        count += 1
        return (rows.flatten(-2), *args[1:])

    with ExitStack() as hooks, torch.no_grad():
        for module in modules:
            hooks.enter_context(module.register_forward_pre_hook(change))
        yield


def contexts(modules: list[nn.Module], run: Eager, heads: int = HEADS) -> list[Tensor]:
    """What each call's projection reads, [batch, token, head, d_value]."""
    kept = list[Tensor]()

    def keep(_: int, rows: Tensor) -> Tensor:
        kept.append(rows)
        return rows

    with hooked(modules, heads, keep):
        run()
    return kept


def eager_run(
    modules: list[nn.Module], run: Eager, outputs: Mapping[tuple[int, int], Tensor], heads: int = HEADS
) -> Any:
    """With other outputs [token or 1, d_value] of some heads."""

    def replace(call: int, rows: Tensor) -> Tensor:
        for (layer, head), output in outputs.items():
            if layer == call:
                rows[:, :, head] = output
        return rows

    with hooked(modules, heads, replace):
        return run()


def value(asked: Target, outputs: Any) -> float:
    """The target of one input by transformers' outputs, written out."""
    if isinstance(asked, LogitTarget):
        logits = outputs.logits[0] if asked.at is None else outputs.logits[0, asked.at]
        return float(logits[asked.candidate] - logits[asked.against])
    assert isinstance(asked, MovementTarget)
    embedding = last_hidden_state(outputs)[0, 0]
    return float(1 - torch.cosine_similarity(embedding, asked.unchanged, dim=0))


def stages_of(experiment: Experiment) -> list[str | None]:
    return [None] if len(experiment.stages) == 1 else [*experiment.stages]


def asked_of(experiment: Experiment) -> Target:
    """In the middle of a text where it can be: what lies behind must not matter."""
    ids = getattr(experiment.input, "ids", ())
    if getattr(experiment.model, "causal", False) and len(experiment.stages) == 1:
        return target(experiment, Choice("next", len(ids) // 2))
    if len(experiment.stages) > 1:
        return target(experiment, Choice("next", 2))
    return target(experiment)


@pytest.mark.parametrize("family", [*TEXTS, *BY_ITSELF, *PHOTOS])
def test_each_head_at_zero_is_a_projection_that_reads_zeros(family: str, experiment_of: ExperimentOf) -> None:
    """One by one, as `ablate` and `head_effects` have it, in all stages."""
    experiment = experiment_of(family)
    network, run = eager_of(experiment)
    asked = asked_of(experiment)
    with torch.no_grad():
        before = value(asked, run())
    for stage in stages_of(experiment):
        modules = projections(network, stage)
        effects = head_effects(experiment, asked, by="zero", stage=stage)
        assert effects.shape == (2, HEADS)
        assert effects.dtype == np.float32
        expected = np.zeros_like(effects)
        for layer, head in np.ndindex(2, HEADS):
            after = value(asked, eager_run(modules, run, {(layer, head): torch.zeros(1)}))
            expected[layer, head] = after - before
            change = ablate(experiment, [(layer, head)], asked, by="zero", stage=stage)
            assert change.before == pytest.approx(before, abs=1e-5)
            assert change.after == pytest.approx(after, abs=1e-5)
        np.testing.assert_allclose(effects, expected, rtol=0, atol=1e-5)
        assert np.abs(expected).max() > 1e-5


@pytest.mark.parametrize("family", [*TEXTS, *BY_ITSELF, *PHOTOS])
def test_the_mean_stands_in_for_several_heads(family: str, experiment_of: ExperimentOf) -> None:
    experiment = experiment_of(family)
    network, run = eager_of(experiment)
    asked, heads = asked_of(experiment), [(0, 1), (1, 0), (1, 3)]
    for stage in stages_of(experiment):
        modules, end = projections(network, stage), None
        if asked.position is not None and stage != "encoder" and getattr(experiment.model, "causal", False):
            end = asked.position + 1
        plain = contexts(modules, run)
        means = {(layer, head): plain[layer][0, :end, head].mean(dim=0, keepdim=True) for layer, head in heads}
        change = ablate(experiment, heads, asked, stage=stage)
        after = value(asked, eager_run(modules, run, means))
        assert change.after == pytest.approx(after, abs=1e-5)
        assert abs(change.after - change.before) > 1e-5


@pytest.mark.parametrize("family", ["BERT", "ALBERT", "GPT-2", "Llama", "MPNet"])
def test_patching_is_what_hooks_do(family: str, experiment_of: ExperimentOf) -> None:
    """Heads of one input give what they gave on another."""
    experiment = experiment_of(family)
    model: Any = experiment.model
    source = MASKED.replace("winter", "fly") if model.tokenizer.token_to_id("[MASK]") is not None else OTHER
    other = Experiment(model, model.read(source))
    if len(other.input.ids) != len(experiment.input.ids):
        ids = (*experiment.input.ids[:2], *experiment.input.ids[1:-1])
        other = Experiment(model, _with_ids(experiment.input, ids))
    network, run = eager_of(experiment)
    modules, asked, heads = projections(network), asked_of(experiment), [(0, 2), (1, 1)]
    given = contexts(modules, partial(network, **model.run_inputs([other.input]), return_dict=True))
    after = value(asked, eager_run(modules, run, {(layer, head): given[layer][0, :, head] for layer, head in heads}))
    change = ablate(experiment, heads, asked, by=other)
    assert change.after == pytest.approx(after, abs=1e-5)
    assert abs(change.after - change.before) > 1e-5
    effects = head_effects(experiment, asked, by=other)
    one = value(asked, eager_run(modules, run, {(1, 1): given[1][0, :, 1]}))
    assert effects[1, 1] == pytest.approx(one - change.before, abs=1e-5)


def _with_ids(given: Any, ids: tuple[int, ...]) -> Any:
    changed = copy.copy(given)
    object.__setattr__(changed, "ids", ids)
    return changed


def test_patching_needs_an_input_of_as_many_tokens(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("GPT-2")
    model: Any = experiment.model
    other = Experiment(model, model.read("Birds fly."))
    with pytest.raises(InputError, match="tokens") as refused:
        ablate(experiment, [(0, 0)], asked_of(experiment), by=other)
    assert is_one_sentence(refused.value)


@pytest.mark.parametrize("head", [(2, 0), (-1, 0), (0, 4), (0, -1)])
def test_heads_that_are_not_there(head: tuple[int, int], experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("GPT-2")
    with pytest.raises(InputError, match="no head") as refused:
        ablate(experiment, [head], asked_of(experiment))
    assert is_one_sentence(refused.value)


@pytest.mark.parametrize("family", ["GPT-2", "Gemma 2", "GPT-J", "T5"])
def test_the_mean_never_depends_on_tokens_behind_the_target(family: str, experiment_of: ExperimentOf) -> None:
    """Other tokens there change nothing: neither the mean nor the run."""
    experiment = experiment_of(family)
    asked = asked_of(experiment)
    at, given = asked.position, experiment.input
    assert at is not None
    if family in SEQUENCES:
        later = copy.copy(given)
        object.__setattr__(later, "written", (*given.written[:at], *reversed(given.written[at:-1]), 7))
        assert later.written[:at] == given.written[:at]
        assert later.written != given.written
    else:
        later = _with_ids(given, (*given.ids[: at + 1], *reversed(given.ids[at + 1 :])))
        assert later.ids != given.ids
    other = Experiment(experiment.model, later)
    for stage in [stage for stage in stages_of(experiment) if stage != "encoder"]:
        one = head_effects(experiment, asked, stage=stage)
        np.testing.assert_allclose(head_effects(other, asked, stage=stage), one, rtol=0, atol=1e-6)
        assert np.abs(one).max() > 1e-4


def test_one_position_is_its_own_mean(experiment_of: ExperimentOf) -> None:
    model: Any = experiment_of("GPT-2").model
    given = model.read("Birds fly")
    first = Experiment(model, given)
    asked = target(first, Choice("next", 0))
    np.testing.assert_allclose(head_effects(first, asked), 0, atol=1e-6)
    assert ablate(first, [(0, 1), (1, 2)], asked).after == pytest.approx(ablate(first, [], asked).after, abs=1e-6)
    assert np.abs(head_effects(first, asked, by="zero")).max() > 1e-4


def test_no_head_off_changes_nothing(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("Llama")
    change = ablate(experiment, [], asked_of(experiment))
    assert change.after == change.before
    assert change.candidates_after == change.candidates_before


def test_candidates_and_probabilities_are_those_of_the_eager_model(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("Llama")
    network, run = eager_of(experiment)
    asked = asked_of(experiment)
    assert isinstance(asked, LogitTarget)
    change = ablate(experiment, [(0, 0), (1, 2)], asked, by="zero")
    off = {(0, 0): torch.zeros(1), (1, 2): torch.zeros(1)}
    with torch.no_grad():
        outputs = {"before": run(), "after": eager_run(projections(network), run, off)}
    best = {index for each in outputs.values() for index in each.logits[0, asked.at].topk(10).indices.tolist()}
    for when, probability, candidates in (
        ("before", change.probability_before, change.candidates_before),
        ("after", change.probability_after, change.candidates_after),
    ):
        chances = outputs[when].logits[0, asked.at].softmax(-1)
        assert probability == pytest.approx(float(chances[asked.candidate]), abs=1e-6)
        assert {each.logit for each in candidates} == best
        scores = [each.score for each in candidates]
        assert scores == sorted(scores, reverse=True)
        np.testing.assert_allclose(scores, chances[[each.logit for each in candidates]], atol=1e-6)


@pytest.mark.parametrize("by", ["zero", "mean"])
def test_the_own_text_encoder(by: Any, minilm: Any) -> None:
    files = locate(CATALOGUE["minilm-l6"])
    bert = bert_from_files(files["config.json"], files["model.safetensors"])
    experiment = Experiment(minilm, minilm.read(TEXT))
    run = partial(bert, input_ids=torch.tensor([experiment.input.ids]))
    similar = target(experiment, Choice("similarity"), other="It is cold in winter.")
    moved = target(experiment, Choice("movement"))
    effects, movements = (head_effects(experiment, asked, by=by) for asked in (similar, moved))
    modules = projections(bert)
    plain = contexts(modules, run, 12)

    def embedding(outputs: Any) -> Tensor:
        return outputs.last_hidden_state[0].mean(0)

    with torch.no_grad():
        unchanged = embedding(run())
        ids = torch.tensor([minilm.read("It is cold in winter.").ids])
        other = embedding(bert(input_ids=ids))
        before = torch.cosine_similarity(unchanged, other, dim=0)
    for layer, head in [(0, 0), (0, 11), (3, 5), (5, 7)]:
        stand_in = torch.zeros(1) if by == "zero" else plain[layer][0, :, head].mean(0, keepdim=True)
        after = embedding(eager_run(modules, run, {(layer, head): stand_in}, 12))
        similarity = torch.cosine_similarity(after, other, dim=0)
        assert effects[layer, head] == pytest.approx(float(similarity - before), abs=1e-5)
        assert movements[layer, head] == pytest.approx(
            float(1 - torch.cosine_similarity(after, unchanged, 0)), abs=1e-5
        )


def test_the_own_vision_transformer(dinov2: Any, sample_photo: Callable[[str], Path]) -> None:
    theirs = dinov2_like(dinov2.network, CONFIG)
    experiment = Experiment(dinov2, dinov2.read(sample_photo("coffee"), 224))
    run = partial(theirs, pixel_values=experiment.input.pixels)
    asked = target(experiment, Choice("movement"))
    assert isinstance(asked, MovementTarget)
    modules = projections(theirs)
    for layer, head in [(0, 3), (6, 0), (11, 5)]:
        after = eager_run(modules, run, {(layer, head): torch.zeros(1)}, 6)
        change = ablate(experiment, [(layer, head)], asked, by="zero")
        assert change.before == pytest.approx(0, abs=1e-6)
        assert change.after == pytest.approx(value(asked, after), abs=1e-5)


def in_float64(family: str, folder: Path) -> Experiment:
    model: Any = load_model(str(folder), device="cpu", dtype="float64")
    given = model.continued(TEXT, 5) if family in SEQUENCES else model.read(MASKED if family == "BERT" else TEXT)
    return Experiment(model, given)


def gated_value(
    asked: LogitTarget, modules: list[nn.Module], run: Eager, stand_ins: list[Tensor], off: Tensor
) -> Tensor:
    """The target with a share of each head's output [layer, head] given by what stands in [1, 1, head, d_value]."""

    def gate(call: int, rows: Tensor) -> Tensor:
        return rows + off[call][:, None] * (stand_ins[call] - rows)

    with hooked(modules, HEADS, gate), torch.set_grad_enabled(off.requires_grad):
        logits = run().logits[0, asked.at]
    return logits[asked.candidate] - logits[asked.against]


@pytest.mark.parametrize("by", ["zero", "mean"])
@pytest.mark.parametrize("family", ["BERT", "GPT-2", "Llama", "BLOOM", "T5"])
def test_the_gradient_is_that_of_multiplicative_gates(family: str, by: Any, folder_of: Callable[[str], Path]) -> None:
    experiment = in_float64(family, folder_of(family))
    network, run = eager_of(experiment)
    asked = asked_of(experiment)
    assert isinstance(asked, LogitTarget)
    for stage in stages_of(experiment):
        modules = projections(network, stage)
        end = None if family == "BERT" or stage == "encoder" else (asked.at or 0) + 1
        stand_ins = [
            torch.zeros_like(rows[:, :1]) if by == "zero" else rows[:, :end].mean(1, keepdim=True)
            for rows in contexts(modules, run)
        ]
        off = torch.zeros(2, HEADS, dtype=torch.float64, requires_grad=True)
        (expected,) = torch.autograd.grad(gated_value(asked, modules, run, stand_ins, off), off)
        found = head_effects(experiment, asked, method="gradient", by=by, stage=stage)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
        assert float(expected.abs().max()) > 1e-4
        if by == "zero":
            exact = expected.abs() / expected.norm(dim=1, keepdim=True)
            found = head_effects(experiment, asked, method="sensitivity", stage=stage)
            np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-6)
        if family in ("BERT", "GPT-2"):  # others compute norms in float32, whatever they run in
            step = 1e-4 * torch.eye(2 * HEADS, dtype=torch.float64).view(-1, 2, HEADS)
            values = [[gated_value(asked, modules, run, stand_ins, sign * each) for each in step] for sign in (1, -1)]
            slopes = [float(up - down) / 2e-4 for up, down in zip(*values)]
            found = head_effects(experiment, asked, method="gradient", by=by, stage=stage)
            np.testing.assert_allclose(found.ravel(), slopes, rtol=1e-4, atol=1e-6)


def test_a_target_without_a_slope_has_no_gradient(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("deit")
    for method in ("gradient", "sensitivity"):
        with pytest.raises(InputError, match="no slope") as refused:
            head_effects(experiment, target(experiment, Choice("movement")), method=method)
        assert is_one_sentence(refused.value)
