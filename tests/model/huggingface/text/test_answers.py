"""Heads that need two texts: answers to questions, and choices between texts."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from transformers import AutoTokenizer
from transformers.pipelines.document_question_answering import select_starts_ends

from headlens.model.errors import InputError
from headlens.model.huggingface.record.answers import ALONE
from headlens.model.huggingface.text.multiple_choice import TransformersChoices
from headlens.model.recording.parts import Predicts
from headlens.model.recording.recording import Recording
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.text.test_families import loaded
from tests.model.huggingface.text.test_pipelines import ROBERTA, scores
from tests.model.huggingface.text_models import BERTISH, write_model
from tests.sentences import is_one_sentence

QUESTION = ("Who works at the bank?", "Anna works at the bank of the river in Paris, and geese fly with them.")
PROMPT, CHOICES = "The trophy does not fit because", ("it is too big.", "geese fly.", "the capital of France is green.")
FAMILIES = {
    "BERT": ("Bert", {**BERTISH, "type_vocab_size": 2}),
    "RoBERTa": ("Roberta", ROBERTA),
    "DistilBERT": ("DistilBert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48}),
    "DeBERTa-v2": ("DebertaV2", BERTISH),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_those_of_the_pipeline_s_own_steps(family: str, tmp_path: Path) -> None:
    name, shape = FAMILIES[family]
    folder = write_model(tmp_path, family_tokenizer(family), f"{name}ForQuestionAnswering", **shape)
    recording = loaded(folder).record(QUESTION)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    call = tokenizer(*QUESTION, return_tensors="pt")
    network = getattr(transformers, f"{name}ForQuestionAnswering").from_pretrained(folder).eval()
    with torch.no_grad():
        outputs = network(**{key: value for key, value in call.items() if key != "offset_mapping"})
    of_text = [sequence == 1 for sequence in call.sequence_ids()]
    starts, ends, probabilities, _ = select_starts_ends(
        outputs.start_logits.numpy(),
        outputs.end_logits.numpy(),
        np.array([[not own for own in of_text]], dtype=int),
        call["attention_mask"].numpy(),
        top_k=10,
    )
    found: dict[str, float] = {}
    for first, last, score in zip(starts, ends, probabilities):
        begin, end = (call.word_to_chars(0, call.token_to_word(0, int(at)), 1) for at in (first, last))
        text = QUESTION[1][begin.start : end.end]
        found.setdefault(text, score)
    answers = scores(recording, Predicts.ANSWER)
    assert list(answers)[: len(found)] == list(found)
    assert list(answers.values())[: len(found)] == pytest.approx(list(found.values()), abs=1e-5)
    best = scores(recording, Predicts.ANSWER_START)
    masked = np.where(of_text, outputs.start_logits[0].numpy(), -np.inf)
    position = int(masked.argmax())
    label, score = next(iter(best.items()))
    assert label == f"{recording.tokens[position]} (token {position})"
    assert score == pytest.approx(float(torch.tensor(masked).softmax(0).max()), abs=1e-6)
    assert len(scores(recording, Predicts.ANSWER_END)) == min(10, sum(of_text))


def test_a_question_alone_says_what_to_give(tmp_path: Path) -> None:
    folder = write_model(tmp_path, family_tokenizer("BERT"), "BertForQuestionAnswering", **BERTISH)
    recording = loaded(folder).record(QUESTION[0])
    assert recording.predictions == ()
    assert recording.notes["head"] == ALONE


@pytest.mark.parametrize("family", FAMILIES)
def test_every_choice_is_read_and_has_its_score(family: str, tmp_path: Path) -> None:
    name, shape = FAMILIES[family]
    folder = write_model(tmp_path, family_tokenizer(family), f"{name}ForMultipleChoice", **shape)
    model = loaded(folder)
    assert isinstance(model, TransformersChoices)
    recording = model.record((PROMPT, "\n".join(CHOICES)))
    call = AutoTokenizer.from_pretrained(folder)([PROMPT] * 3, list(CHOICES), padding=True, return_tensors="pt")
    architecture = getattr(transformers, f"{name}ForMultipleChoice")
    network = architecture.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        outputs = network(**{key: value[None] for key, value in call.items()}, output_attentions=True)
    expected = dict(zip(CHOICES, outputs.logits[0].softmax(-1).tolist()))
    stages = [recording.of(f"choice {number}") for number in (1, 2, 3)]
    for number, stage in enumerate(stages):
        assert scores(stage, Predicts.CHOICE) == pytest.approx(expected, abs=1e-5)
        assert list(scores(stage, Predicts.CHOICE)) == sorted(expected, key=lambda text: -expected[text])
        assert stage.texts == (PROMPT, CHOICES[number])
        length = int(call["attention_mask"][number].sum())
        assert stage.num_tokens == length
        for layer, weights in enumerate(outputs.attentions):
            np.testing.assert_allclose(stage.attention(layer), weights[number, :, :length, :length], atol=5e-5)
    path = tmp_path / "recording.safetensors"
    recording.save(path)
    again = Recording.load(path)
    assert list(again.stages) == ["choice 2", "choice 3"]
    assert again.of("choice 3").predictions == stages[2].predictions


@pytest.mark.parametrize("text", ["alone", ("before", "one choice"), ("before", "\n".join(["a"] * 11)), ("", "a\nb")])
def test_what_holds_no_choices_is_refused(text: str | tuple[str, str], tmp_path: Path) -> None:
    folder = write_model(tmp_path, family_tokenizer("BERT"), "BertForMultipleChoice", **BERTISH)
    with pytest.raises(InputError) as refused:
        loaded(folder).record(text)
    assert is_one_sentence(refused.value)
