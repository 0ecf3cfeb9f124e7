"""What can be asked about: each number against transformers' own logits and embeddings, each refusal one sentence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

from headlens.model import load_model
from headlens.model.effects.choices import Choice, choices, target
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.heads import ablate
from headlens.model.effects.targets import LogitTarget, Target
from headlens.model.errors import InputError
from tests.model.effects.test_heads import MASKED, TEXT, ExperimentOf, experiment_of
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.image_text_models import FAMILIES, IMAGE, PROMPT, load, save_with_text
from tests.model.huggingface.text_models import BERTISH, write_model
from tests.model.inputs.pictures import noise
from tests.sentences import is_one_sentence

__all__ = ["experiment_of"]  # the fixture
FolderOf = Callable[[str], Path]
LABELS = {"id2label": {0: "O", 1: "B-LOC", 2: "I-LOC"}, "label2id": {"O": 0, "B-LOC": 1, "I-LOC": 2}}
PAIR = ("Where do birds fly?", TEXT)
READ: dict[str, tuple[str, dict[str, Any], Any]] = {
    "token class": ("BertForTokenClassification", {**BERTISH, **LABELS}, TEXT),
    "class": ("BertForSequenceClassification", {**BERTISH, **LABELS}, TEXT),
    "question answering": ("BertForQuestionAnswering", BERTISH, PAIR),
    "next sentence": ("BertForNextSentencePrediction", BERTISH, PAIR),
    "pretraining": ("BertForPreTraining", BERTISH, MASKED),
    "embedding": ("BertModel", BERTISH, TEXT),
}


@pytest.fixture(scope="session")
def bert_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Experiment, Any]]:
    """A BERT with a head on an input, and what transformers' own copy of it gives of its tokenizer's call."""
    made = dict[str, tuple[Experiment, Any]]()

    def find(kind: str) -> tuple[Experiment, Any]:
        if kind not in made:
            name, config, text = READ[kind]
            tokenizer = family_tokenizer("BERT")
            folder = write_model(tmp_path_factory.mktemp("bert") / "model", tokenizer, name, **config)
            model: Any = load_model(str(folder), device="cpu")
            network = getattr(transformers, name).from_pretrained(folder, attn_implementation="eager").eval()
            call = tokenizer(*([text] if isinstance(text, str) else text), return_tensors="pt")
            with torch.no_grad():
                made[kind] = Experiment(model, model.read(text)), network(**call, return_dict=True)
        return made[kind]

    return find


def read(experiment: Experiment, asked: Target) -> float:
    return ablate(experiment, [], asked).before


def check_logits(experiment: Experiment, choice: Choice, logits: Tensor) -> None:
    """Logits [candidate] by transformers: the difference to the second, a logit alone, the odds, the candidates."""
    best = logits.topk(min(10, len(logits)))
    second = target(experiment, choice)
    assert isinstance(second, LogitTarget)
    assert (second.candidate, second.against) == tuple(best.indices[:2].tolist())
    assert read(experiment, second) == pytest.approx(float(best.values[0] - best.values[1]), abs=1e-5)
    last = int(logits.argmin())
    alone = target(experiment, choice, candidate=last, against=None)
    assert read(experiment, alone) == pytest.approx(float(logits[last]), abs=1e-5)
    odds = target(experiment, choice, candidate=last, against="others")
    chance = logits.double().softmax(-1)[last]
    assert read(experiment, odds) == pytest.approx(float((chance / (1 - chance)).log()), abs=1e-4)
    two = target(experiment, choice, candidate=last, against=int(best.indices[0]))
    assert read(experiment, two) == pytest.approx(float(logits[last] - best.values[0]), abs=1e-5)
    change = ablate(experiment, [], alone)
    chances = logits.softmax(-1)
    assert change.probability_before == pytest.approx(float(chances[last]), abs=1e-6)
    found = change.candidates_before
    assert [each.logit for each in found] == best.indices.tolist()
    np.testing.assert_allclose([each.score for each in found], chances[best.indices], atol=1e-6)


@pytest.mark.parametrize("family", ["GPT-2", "Llama", "GPT-J", "T5", "BART"])
def test_the_next_token(family: str, experiment_of: ExperimentOf, folder_of: FolderOf) -> None:
    experiment = experiment_of(family)
    architecture: Any = type(experiment.model.network)
    network = architecture.from_pretrained(folder_of(family), attn_implementation="eager").eval()
    given, ids = experiment.input, torch.tensor([experiment.input.ids])
    count = len(given.ids)
    with torch.no_grad():
        if family in ("T5", "BART"):
            decoder = [network.config.decoder_start_token_id, *given.written]
            count = len(decoder)
            logits = network(input_ids=ids, decoder_input_ids=torch.tensor([decoder])).logits[0]
        else:
            logits = network(ids).logits[0]
    offered = choices(experiment)
    assert {(choice.kind, choice.at) for choice in offered if choice.kind == "next"} == {
        ("next", at) for at in range(count)
    }
    for at in (0, count // 2, count - 1):
        check_logits(experiment, Choice("next", at), logits[at])


def test_the_first_choice_is_what_comes_next_or_was_written_first(experiment_of: ExperimentOf) -> None:
    model: Any = experiment_of("GPT-2").model
    prompt = len(model.read(TEXT).ids)
    assert choices(Experiment(model, model.read(TEXT)))[0] == Choice("next", prompt - 1)
    written = model.continued(TEXT, 3)
    assert len(written.ids) == prompt + 3
    assert choices(Experiment(model, written))[0] == Choice("next", prompt - 1)
    assert choices(experiment_of("T5"))[0] == Choice("next", 0)


@pytest.mark.parametrize("family", ["BERT", "RoBERTa", "DistilBERT"])
def test_a_mask(family: str, experiment_of: ExperimentOf, folder_of: FolderOf) -> None:
    experiment = experiment_of(family)
    architecture: Any = type(experiment.model.network)
    network = architecture.from_pretrained(folder_of(family), attn_implementation="eager").eval()
    with torch.no_grad():
        logits = network(torch.tensor([experiment.input.ids])).logits[0]
    (choice,) = (each for each in choices(experiment) if each.kind == "mask")
    assert choice == choices(experiment)[0]
    assert choice.at == 3
    check_logits(experiment, choice, logits[3])
    assert str(target(experiment, choice, candidate="winter", against="in")) == (
        "the token behind “[MASK]”: “winter”, against “in”"
    )


def test_a_mask_of_a_model_with_two_heads(bert_of: Any) -> None:
    experiment, outputs = bert_of("pretraining")
    at = experiment.input.ids.index(experiment.model.predictor.mask_id)
    check_logits(experiment, Choice("mask", at), outputs.prediction_logits[0, at])


def test_a_class(bert_of: Any) -> None:
    experiment, outputs = bert_of("class")
    assert choices(experiment)[0] == Choice("class")
    check_logits(experiment, Choice("class"), outputs.logits[0])
    asked = target(experiment, Choice("class"), candidate="B-LOC", against="O")
    assert read(experiment, asked) == pytest.approx(float(outputs.logits[0, 1] - outputs.logits[0, 0]), abs=1e-5)
    assert str(asked) == "the class: “B-LOC”, against “O”"
    assert str(target(experiment, candidate="O", against="others")) == "the class: “O”, against all others"
    assert str(target(experiment, candidate="O", against=None)) == "the class: “O”"


def test_a_class_of_a_photo(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("vit-classifier")
    network: Any = experiment.model.network
    with torch.no_grad():
        logits = network(experiment.input.pixels).logits[0]
    check_logits(experiment, Choice("class"), logits)
    assert str(target(experiment, candidate="<b>3</b>", against=None)) == "the class: “<b>3</b>”"


def test_a_token_s_class(bert_of: Any) -> None:
    experiment, outputs = bert_of("token class")
    offered = choices(experiment)
    tokens = [at for at, offset in enumerate(experiment.input.offsets) if offset is not None]
    assert [each.at for each in offered if each.kind == "token class"] == tokens
    for at in (tokens[0], tokens[-1]):
        check_logits(experiment, Choice("token class", at), outputs.logits[0, at])
    assert str(target(experiment, offered[0], candidate="I-LOC", against="O")).startswith("the class of “")


@pytest.mark.parametrize("kind", ["start", "end"])
def test_where_an_answer_starts_and_ends(kind: Any, bert_of: Any) -> None:
    experiment, outputs = bert_of("question answering")
    assert [choice.kind for choice in choices(experiment)][:2] == ["start", "end"]
    second = torch.tensor([at in experiment.input.of_second for at in range(len(experiment.input.ids))])
    logits = outputs[f"{kind}_logits"][0].masked_fill(~second, -torch.inf)  # as in the pipeline
    best = logits.topk(2)
    asked = target(experiment, Choice(kind))
    assert isinstance(asked, LogitTarget)
    assert (asked.candidate, asked.against) == tuple(best.indices.tolist())
    assert read(experiment, asked) == pytest.approx(float(best.values[0] - best.values[1]), abs=1e-5)
    tokens = [f"{token} (token {at})" for at, token in enumerate(experiment.input.tokens)]
    assert str(asked) == f"where the answer {kind}s: “{tokens[best.indices[0]]}”, against “{tokens[best.indices[1]]}”"
    change = ablate(experiment, [], asked)
    assert [each.name for each in change.candidates_before] == [tokens[at] for at in logits.topk(10).indices]
    probability = float(logits.softmax(-1)[best.indices[0]])
    assert change.probability_before == pytest.approx(probability, abs=1e-6)
    assert change.candidates_before[0].score == pytest.approx(probability, abs=1e-6)
    twice = [at for at, token in enumerate(experiment.input.tokens) if token == "fly" and second[at]]
    assert len(twice) > 1  # the more probable one is meant
    of_word = target(experiment, Choice(kind), candidate="fly", against=None)
    assert isinstance(of_word, LogitTarget)
    assert of_word.candidate == max(twice, key=lambda at: float(logits[at]))
    with pytest.raises(InputError, match="no candidate") as refused:
        target(experiment, Choice(kind), candidate="suitcase")
    assert is_one_sentence(refused.value)


def test_whether_a_sentence_follows(bert_of: Any) -> None:
    experiment, outputs = bert_of("next sentence")
    asked = target(experiment, Choice("class"), candidate=0, against=1)
    assert read(experiment, asked) == pytest.approx(float(outputs.logits[0, 0] - outputs.logits[0, 1]), abs=1e-5)
    assert str(asked) == "the class: “it follows”, against “it does not”"
    assert target(experiment, candidate="it follows", against="it does not") == asked
    assert {each.name for each in ablate(experiment, [], asked).candidates_before} == {"it follows", "it does not"}
    with pytest.raises(InputError, match="“” is no candidate"):
        target(experiment, candidate="")


def test_how_similar_and_how_far(bert_of: Any, experiment_of: ExperimentOf) -> None:
    experiment, outputs = bert_of("embedding")
    embedding = outputs.last_hidden_state[0].mean(0)
    other = "Geese rest in the brown suitcase."
    model: Any = experiment.model
    with torch.no_grad():
        hidden = model.network(torch.tensor([model.read(other).ids])).last_hidden_state[0]
    asked = target(experiment, Choice("similarity"), other=other)
    cosine = float(torch.cosine_similarity(embedding, hidden.mean(0), dim=0))
    assert read(experiment, asked) == pytest.approx(cosine, abs=1e-5)
    assert str(asked) == f"how similar it is to “{other}”"
    moved = target(experiment, Choice("movement"))
    assert read(experiment, moved) == pytest.approx(0, abs=1e-6)
    assert str(moved) == "how far the sentence's embedding moves"
    assert str(target(experiment_of("deit"), Choice("movement"))) == "how far [CLS] moves"
    change = ablate(experiment, [(0, 0)], moved)
    assert change.probability_before is None
    assert change.candidates_after == []
    for nothing in (None, "", "  "):
        with pytest.raises(InputError) as refused:
            target(experiment, Choice("similarity"), other=nothing)
        assert is_one_sentence(refused.value)


def test_the_saliency_of_a_region(dinov2: Any, sample_photo: Callable[[str], Path]) -> None:
    experiment = Experiment(dinov2, dinov2.read(sample_photo("rocket"), 224))
    rows, columns = experiment.input.photo.grid
    saliency = dinov2.record(sample_photo("rocket"), 224).outputs["saliency"]
    size = saliency.shape[0] // rows
    asked = target(experiment, Choice("saliency"), region=((2, 5), (3, 4)))
    expected = saliency[2 * size : 5 * size, 3 * size : 4 * size].mean()
    assert read(experiment, asked) == pytest.approx(float(expected), abs=1e-5)
    assert str(asked) == "the mean saliency of patches (2, 3) to (4, 3)"
    assert choices(experiment)[0] == Choice("saliency")
    means = saliency.reshape(rows, size, columns, size).mean(axis=(1, 3))
    row, column = np.unravel_index(means.argmax(), means.shape)
    most = target(experiment)
    assert str(most) == f"the saliency of patch ({row}, {column})"
    assert read(experiment, most) == pytest.approx(float(means.max()), abs=1e-5)
    outside: Any = [((0, rows + 1), (0, 1)), ((0, 1), (-1, 1)), ((3, 3), (0, 1)), ((0, 1), (5, 2))]
    for region in outside:
        with pytest.raises(InputError, match="outside") as refused:
            target(experiment, Choice("saliency"), region=region)
        assert is_one_sentence(refused.value)


def test_words_of_smollm2(smollm2: Any) -> None:
    experiment = Experiment(smollm2, smollm2.read("The capital of France is"))
    asked = target(experiment, candidate="Paris", against="London")
    assert str(asked) == "the token after “is”: “Paris”, against “London”"
    assert isinstance(asked, LogitTarget)
    tokenizer = smollm2.tokenizer
    assert asked.candidate == tokenizer.encode(" Paris", add_special_tokens=False).ids[0]
    assert asked.against == tokenizer.encode(" London", add_special_tokens=False).ids[0]
    with torch.no_grad():
        logits = smollm2.network(torch.tensor([experiment.input.ids])).logits[0, -1]
    assert read(experiment, asked) == pytest.approx(float(logits[asked.candidate] - logits[asked.against]), abs=1e-4)


NO_WORDS = ("no such word at all", "x" * 10_000, "<script>alert(1)</script>", "\ud800", "[MASK][MASK]")
NO_NUMBERS = (10**9, -1, 2**80, True, 1.5, float("nan"), [1], b"in")


@pytest.mark.parametrize("candidate", [*NO_WORDS, *NO_NUMBERS], ids=lambda each: repr(each)[:20])
@pytest.mark.parametrize("family", ["GPT-2", "BERT", "vit-classifier"])
def test_candidates_that_are_none(family: str, candidate: Any, experiment_of: ExperimentOf) -> None:
    experiment = experiment_of(family)
    for given in ({"candidate": candidate}, {"against": candidate}):
        with pytest.raises(InputError) as refused:
            target(experiment, **given)
        assert is_one_sentence(refused.value), str(refused.value)
        str(refused.value).encode()
        assert len(str(refused.value)) < 200


def test_a_word_that_the_tokenizer_does_not_know_is_not_its_token_for_all_of_them(experiment_of: ExperimentOf) -> None:
    experiment = experiment_of("BERT")
    for word in ("日本", "\x00"):
        with pytest.raises(InputError, match="single token"):
            target(experiment, candidate=word)
    unknown, model = target(experiment, candidate="[UNK]"), cast(Any, experiment.model)
    assert isinstance(unknown, LogitTarget)
    assert unknown.candidate == model.tokenizer.token_to_id("[UNK]")


def test_a_candidate_against_itself(experiment_of: ExperimentOf) -> None:
    with pytest.raises(InputError, match="itself") as refused:
        target(experiment_of("GPT-2"), candidate=5, against=5)
    assert is_one_sentence(refused.value)


HOSTILE_CHOICES: list[Any] = [
    Choice("next", 10_000), Choice("next", -1), Choice("next", None), Choice("mask", 0), Choice("class"),
    Choice("start"), Choice("saliency"), Choice("similarity"), Choice("movement"), ("no such", 0),
]  # fmt: skip


@pytest.mark.parametrize("choice", HOSTILE_CHOICES)
def test_choices_that_the_model_does_not_have(choice: Any, experiment_of: ExperimentOf) -> None:
    with pytest.raises(InputError) as refused:
        target(experiment_of("GPT-2"), choice, other=TEXT)
    assert is_one_sentence(refused.value)


@pytest.mark.parametrize("family", ["llava", "qwen2_vl"])
def test_each_word_behind_a_photo_can_be_asked_about(family: str, tmp_path: Path) -> None:
    model = load(save_with_text(tmp_path, FAMILIES[family]()))
    given = model.prompt(model.read(noise(96, 64), 224 if family == "qwen2_vl" else None), PROMPT)
    experiment = Experiment(model, given)
    last = len(given.ids) - 1
    words = [at for _, at in choices(experiment)]
    assert words[0] == last
    assert {given.ids[at] for at in words if at is not None}.isdisjoint({IMAGE})
    inputs = {**model.batch_inputs([given]), "logits_to_keep": 0}
    with torch.no_grad():
        logits = model.network(**inputs).logits[0]
    for at in (last, words[1]):
        asked = target(experiment, Choice("next", at), against=None)
        change = ablate(experiment, (), asked)
        assert change.before == pytest.approx(float(logits[at].max()), abs=1e-5)
        assert ablate(experiment, [(1, 1)], asked, stage="decoder").before == pytest.approx(change.before, abs=1e-5)
