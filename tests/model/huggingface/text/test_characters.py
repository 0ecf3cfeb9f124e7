"""CANINE: groups of characters and characters, beside transformers' own eager weights, predictions and tokenizer."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, pipeline

from headlens.model import Recording, load_model
from headlens.model.effects.experiment import Experiment
from headlens.model.errors import CheckpointError, InputError
from headlens.model.huggingface.text.characters import TransformersCharacters
from headlens.model.recording.parts import Predicts
from tests.model.huggingface.text_models import save_canine
from tests.model.test_record_attention import assert_same_attention
from tests.sentences import is_one_sentence

HEADS = ("Model", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering")
LONG = "Birds fly south in winter, and geese fly with them; a head looks at the words that it needs."
TEXTS: list[str | tuple[str, str]] = [  # of all lengths of what is left over; the last two take several blocks
    "ab",
    "Hello.",
    "机器 is 3.",
    "The bank",
    ("Who works?", "Anna works."),
    "The trophy does not fit in the brown suitcase.",
    LONG,
]
FolderOf = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The folder of a head, written when it is first asked for."""
    written: dict[str, Path] = {}

    def write(head: str) -> Path:
        if head not in written:
            written[head] = save_canine(tmp_path_factory.mktemp(head), head)
        return written[head]

    return write


@functools.cache  # the tokenizer alone takes a second or two, for all code points that there are
def loaded(folder: Path) -> TransformersCharacters:
    model = load_model(str(folder), device="cpu")
    assert isinstance(model, TransformersCharacters)
    return model


@functools.cache
def tokenizer_of(folder: Path) -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(folder)


def call_of(folder: Path, text: str | tuple[str, str]) -> dict[str, torch.Tensor]:
    """What the model's own tokenizer makes of a text or a pair."""
    texts = (text,) if isinstance(text, str) else text
    return dict(tokenizer_of(folder)(*texts, return_tensors="pt"))


@pytest.mark.parametrize("text", TEXTS)
def test_every_weight(text: str | tuple[str, str], folder: FolderOf) -> None:
    """In float32 alone: in float64 transformers' own mask makes nan of all of them."""
    recording = loaded(folder("Model")).record(text)
    network = transformers.CanineModel.from_pretrained(folder("Model"), attn_implementation="eager")
    with torch.no_grad():
        theirs = network.eval()(**call_of(folder("Model"), text), output_attentions=True)
    _, *deep, last = theirs.attentions  # the first is of one block of characters
    assert (recording.stage, [*recording.stages]) == ("encoder", ["characters"])
    assert recording.num_layers == len(deep) == 3
    for layer, own in enumerate(deep):
        np.testing.assert_allclose(recording.attention(layer), own[0], rtol=0, atol=5e-5)
    np.testing.assert_allclose(recording.attention(0, stage="characters"), last[0], rtol=0, atol=5e-5)
    mean = theirs.last_hidden_state[0].mean(dim=0)
    np.testing.assert_allclose(recording.outputs["embedding"][0], mean, rtol=0, atol=5e-5)


@pytest.mark.parametrize("text", TEXTS)
def test_ids_are_those_of_its_tokenizer(text: str | tuple[str, str], folder: FolderOf) -> None:
    model, call = loaded(folder("Model")), call_of(folder("Model"), text)
    assert list(model.read(text).ids) == call["input_ids"][0].tolist()
    for name, value in model.inputs(model.read(text)).items():
        assert torch.equal(value, call[name])  # type: ignore[arg-type]


def test_groups_are_called_by_their_characters(folder: FolderOf) -> None:
    model = loaded(folder("Model"))
    recording = model.record("机器 is a machine.")
    assert recording.tokens == ("[CLS]", "[CLS]机器 ", "is a", " mac")
    assert recording.special.tolist() == [True, False, False, False]
    assert recording.offsets == (None, (0, 3), (3, 7), (7, 11))
    assert recording.of("characters").tokens == ("[CLS]", *"机器 is a machine.", "[SEP]")
    assert "leaves the last 6" in recording.notes["input"]
    pair = model.record(("ab cd ef", "gh ij kl"))
    assert pair.tokens == ("[CLS]", "[CLS]ab ", "cd e", "f[SEP]gh")
    assert (pair.segments, pair.offsets) == ((0, 0, 0, 1), (None, (0, 3), (3, 7), (0, 2)))


@pytest.mark.parametrize("character", [0, 2, 4, 11, 12])
def test_a_group_is_of_the_characters_that_it_is_called_by(character: int, folder: FolderOf) -> None:
    """Another encoding of one character before the deep encoder: its own group changes; of the first, [CLS] too."""
    model = loaded(folder("Model"))

    def other(_: torch.nn.Module, encodings: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        moved = encodings[0].clone()
        moved[:, character, ::2] += 3
        return (moved,)

    before = model.record("The trophy is big.")
    hook = model.network.get_submodule("chars_to_molecules").register_forward_pre_hook(other)
    after = model.record("The trophy is big.")
    hook.remove()
    own, moved = (np.diagonal(each.scores(0), axis1=1, axis2=2) for each in (before, after))  # [head, position]
    changed = np.flatnonzero(np.abs(own - moved).max(axis=0) > 1e-4)
    start = character // 4 * 4
    name = "".join(before.of("characters").tokens[start : start + 4])
    assert [before.tokens[at] for at in changed] == (["[CLS]", name] if character == 0 else [name])


def test_classes_are_those_of_the_pipeline(folder: FolderOf) -> None:
    place = folder("ForSequenceClassification")
    theirs = pipeline(
        "text-classification", str(place), top_k=None, tokenizer=tokenizer_of(folder("Model")), device="cpu"
    )([LONG])[0]
    recording = loaded(place).record(LONG)
    (prediction,) = recording.predictions
    assert [name for name, _ in prediction.candidates] == [row["label"] for row in theirs]
    scores = [score for _, score in prediction.candidates]
    np.testing.assert_allclose(scores, [row["score"] for row in theirs], atol=1e-6)
    assert recording.of("characters").predictions == recording.predictions


@torch.no_grad()
def test_classes_of_characters_stand_at_characters(folder: FolderOf) -> None:
    place = folder("ForTokenClassification")
    recording = loaded(place).record(LONG)
    assert recording.predictions == ()
    network = transformers.CanineForTokenClassification.from_pretrained(place).eval()
    scores = network(**call_of(folder("Model"), LONG)).logits[0].softmax(dim=-1)
    predictions = recording.of("characters").predictions
    assert [each.position for each in predictions] == list(range(len(LONG) + 2))
    for each, row in zip(predictions, scores):
        np.testing.assert_allclose([score for _, score in each.candidates], row.sort(descending=True)[0], atol=1e-6)


@torch.no_grad()
def test_answers_are_stretches_of_characters(folder: FolderOf) -> None:
    place, pair = folder("ForQuestionAnswering"), ("Who works?", "Anna works.")
    recording = loaded(place).record(pair)
    assert [each.of for each in recording.predictions] == [Predicts.ANSWER]
    said = transformers.CanineForQuestionAnswering.from_pretrained(place).eval()(**call_of(folder("Model"), pair))
    first = 2 + len(pair[0])  # behind [CLS], the question and [SEP]
    starts = said.start_logits[0, first:-1].softmax(dim=-1)
    _, start, _ = recording.of("characters").predictions
    name, score = start.candidates[0]
    assert score == pytest.approx(float(starts.max()), abs=1e-6)
    assert name == f"{pair[1][int(starts.argmax())]} (token {first + int(starts.argmax())})"


def test_progress_of_a_text_of_several_blocks(folder: FolderOf) -> None:
    model = loaded(folder("Model"))
    for text in TEXTS:
        layers: list[int] = []
        model.record(text, layers.append)
        assert sorted(set(layers)) == list(range(model.num_layers))
        assert layers == sorted(layers)


def test_several_texts_are_recorded_as_each_alone(folder: FolderOf) -> None:
    model = loaded(folder("Model"))
    for one, text in zip(model.record_batch(TEXTS), TEXTS):
        np.testing.assert_array_equal(one.attention(1), model.record(text).attention(1))


def test_attention_alone_is_between_groups_too(folder: FolderOf) -> None:
    model = loaded(folder("Model"))
    for alone, text in zip(model.record_attention([model.read(text) for text in TEXTS]), TEXTS, strict=True):
        assert_same_attention(model.record(text), alone)


def test_a_recording_is_saved_and_opened(folder: FolderOf, tmp_path: Path) -> None:
    recording = loaded(folder("ForTokenClassification")).record("机器 is 3.")
    recording.save(tmp_path / "one.safetensors")
    same = Recording.load(tmp_path / "one.safetensors")
    for stage in ("encoder", "characters"):
        assert same.of(stage).tokens == recording.of(stage).tokens
        np.testing.assert_array_equal(same.of(stage).attention(0), recording.of(stage).attention(0))


def test_refused(folder: FolderOf, tmp_path: Path) -> None:
    model = loaded(folder("Model"))
    with pytest.raises(InputError, match="groups of 4; type 1 more") as short:
        model.record("a")
    with pytest.raises(CheckpointError, match="not measured here") as measured:
        Experiment(model, model.read("Hello."))
    with pytest.raises(CheckpointError, match="chooses between texts by groups") as choices:
        load_model(str(save_canine(tmp_path, "ForMultipleChoice")), device="cpu")
    for refused in (short, measured, choices):
        assert is_one_sentence(refused.value)
