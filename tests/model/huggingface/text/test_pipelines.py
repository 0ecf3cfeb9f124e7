"""What is predicted of texts is what transformers' own pipelines say of the same folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import pipeline

from headlens.model.analysis.entities import entities
from headlens.model.recording.parts import Predicts
from headlens.model.recording.recording import Recording
from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.text.test_families import loaded
from tests.model.huggingface.text_models import BERTISH, write_model

TEXT = "Anna works at the bank of the river in Paris."
PAIR = ("Who works?", "Anna works.")
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
LABELS = {"id2label": dict(enumerate(NAMES)), "label2id": {name: index for index, name in enumerate(NAMES)}}
ROBERTA = {**BERTISH, "max_position_embeddings": 66, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}


def scores(recording: Recording, of: Predicts = Predicts.CLASS) -> dict[str, float]:
    (prediction,) = [each for each in recording.predictions if each.of is of]
    return dict(prediction.candidates)


@pytest.mark.parametrize(
    ("family", "name", "config", "scored_by"),
    [
        ("RoBERTa", "RobertaForSequenceClassification", {**ROBERTA, "num_labels": 3}, "softmax"),
        ("RoBERTa", "RobertaForSequenceClassification", {**ROBERTA, "num_labels": 1}, "sigmoid"),  # a cross-encoder
        ("XLM-R", "XLMRobertaForSequenceClassification", {**ROBERTA, "num_labels": 1}, "sigmoid"),  # a reranker
        (
            "BERT",
            "BertForSequenceClassification",
            {**BERTISH, "num_labels": 4, "problem_type": "multi_label_classification"},
            "sigmoid",
        ),
        ("BERT", "BertForSequenceClassification", {**BERTISH, "num_labels": 1, "problem_type": "regression"}, "none"),
        ("DistilBERT", "DistilBertForSequenceClassification", {"dim": 32, "n_layers": 2, "n_heads": 4}, "softmax"),
        (
            "DeBERTa-v2",
            "DebertaV2ForSequenceClassification",
            {**BERTISH, "num_labels": 3, "type_vocab_size": 2},
            "softmax",
        ),
    ],
)
@pytest.mark.parametrize("text", [TEXT, PAIR], ids=["text", "pair"])
def test_classes(
    family: str, name: str, config: dict[str, Any], scored_by: str, text: str | tuple[str, str], tmp_path: Path
) -> None:
    folder = write_model(tmp_path, family_tokenizer(family), name, **config)
    recording = loaded(folder).record(text)
    given = text if isinstance(text, str) else {"text": text[0], "text_pair": text[1]}
    expected = pipeline("text-classification", model=str(folder), top_k=None)([given])[0]
    assert scores(recording) == pytest.approx({row["label"]: row["score"] for row in expected}, abs=1e-5)
    assert [prediction.scores for prediction in recording.predictions] == [scored_by]
    assert "head" not in recording.notes


@pytest.mark.parametrize("mask", ["[MASK]", "<|mask|>"])
@pytest.mark.parametrize("name", ["BertForMaskedLM", "BertForPreTraining"])
def test_masks_of_any_name(mask: str, name: str, tmp_path: Path) -> None:
    tokenizer = family_tokenizer("BERT")
    tokenizer.add_special_tokens({"mask_token": mask})
    folder = write_model(tmp_path, tokenizer, name, **BERTISH)
    text = f"Anna works at the {mask} of the {mask}."
    predictions = [each for each in loaded(folder).record(text).predictions if each.of is Predicts.MASKED_TOKEN]
    masked = transformers.BertForMaskedLM.from_pretrained(folder)  # the pipeline has no other class
    expected = pipeline("fill-mask", model=masked, tokenizer=tokenizer, top_k=10)(text)
    assert len(predictions) == len(expected) == 2
    for prediction, rows in zip(predictions, expected):
        assert [score for _, score in prediction.candidates] == pytest.approx([row["score"] for row in rows], abs=1e-5)
        assert [name.strip() for name, _ in prediction.candidates] == [row["token_str"].strip() for row in rows]


@pytest.mark.parametrize("name", ["BertForPreTraining", "BertForNextSentencePrediction"])
def test_the_next_sentence(name: str, tmp_path: Path) -> None:
    tokenizer = family_tokenizer("BERT")
    folder = write_model(tmp_path, tokenizer, name, **BERTISH)
    found = scores(loaded(folder).record(PAIR), Predicts.NEXT_SENTENCE)
    network = getattr(transformers, name).from_pretrained(folder).eval()
    outputs = network(**tokenizer(*PAIR, return_tensors="pt"))
    logits = outputs.logits if "logits" in outputs else outputs.seq_relationship_logits
    follows, not_follows = logits[0].softmax(-1).tolist()  # class 0 is "is the next" (BertForNextSentencePrediction)
    assert found == pytest.approx({"it follows": follows, "it does not": not_follows}, abs=1e-5)


@pytest.mark.parametrize(
    ("family", "name", "config"),
    [
        ("BERT", "BertForTokenClassification", BERTISH),
        ("RoBERTa", "RobertaForTokenClassification", ROBERTA),
        ("XLM-R", "XLMRobertaForTokenClassification", ROBERTA),
        ("GPT-2", "GPT2ForTokenClassification", {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}),
    ],
)
def test_tokens_and_what_they_join_to(family: str, name: str, config: dict[str, Any], tmp_path: Path) -> None:
    folder = write_model(tmp_path, family_tokenizer(family), name, **config, **LABELS)
    recording = loaded(folder).record(TEXT)
    each = pipeline("token-classification", model=str(folder), ignore_labels=[])(TEXT)
    found = [
        (prediction.position, *prediction.candidates[0])
        for prediction in recording.predictions
        if prediction.position is not None and recording.offsets[prediction.position] is not None
    ]
    assert [row[:2] for row in found] == [(row["index"], row["entity"]) for row in each]
    assert [row[2] for row in found] == pytest.approx([row["score"] for row in each], abs=1e-5)
    joined = pipeline("token-classification", model=str(folder), aggregation_strategy="simple")(TEXT)
    assert joined
    assert [(entity.text, entity.label) for entity in entities(recording)] == [
        (TEXT[row["start"] : row["end"]], row["entity_group"]) for row in joined
    ]
    assert [entity.score for entity in entities(recording)] == pytest.approx([row["score"] for row in joined], abs=1e-5)


def test_a_head_that_is_not_known_is_named(tmp_path: Path) -> None:
    folder = write_model(tmp_path, family_tokenizer("BERT"), "ElectraForPreTraining", **BERTISH, embedding_size=16)
    recording = loaded(folder).record(PAIR)
    assert recording.predictions == ()
    count = recording.num_tokens
    assert recording.notes["head"] == (
        f"What ElectraForPreTraining predicts is not known here; of this input it gives logits ({count})."
    )


@pytest.mark.parametrize("reads", [True, False])
def test_token_types_are_fed_as_the_tokenizer_does(reads: bool, tmp_path: Path) -> None:
    tokenizer = family_tokenizer("BERT")
    tokenizer.model_input_names = ["input_ids", *(["token_type_ids"] if reads else []), "attention_mask"]
    folder = write_model(tmp_path, tokenizer, "BertModel", **BERTISH)
    settings = json.loads((tmp_path / "tokenizer_config.json").read_text())
    settings["model_input_names"] = tokenizer.model_input_names
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    model = loaded(folder)
    assert ("token_type_ids" in model.inputs(model.read(PAIR))) is reads
    own = transformers.AutoTokenizer.from_pretrained(folder)(*PAIR, return_tensors="pt")
    assert ("token_type_ids" in own) is reads
    network = transformers.AutoModel.from_pretrained(folder, attn_implementation="eager")
    expected = network(**own, output_attentions=True).attentions
    recording = model.record(PAIR)
    for layer, weights in enumerate(expected):
        assert abs(recording.attention(layer) - weights[0].detach().numpy()).max() < 5e-5
