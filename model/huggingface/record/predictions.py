"""What a model predicts: the next token, the one behind a mask, or classes, each with the score of its pipeline."""

import inspect
from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from headlens.model.inputs.token_names import TokenNames
from headlens.model.recording.parts import Candidate, Prediction, Predicts, Scores

COUNT = 10  # candidates


PAIRS: Mapping[str, tuple[Predicts, tuple[str, str]]] = {  # outputs of heads that read two texts, and their classes
    "seq_relationship_logits": (Predicts.NEXT_SENTENCE, ("it follows", "it does not")),  # Devlin et al. 2019
    "sop_logits": (Predicts.SENTENCE_ORDER, ("as written", "swapped")),  # Lan et al. 2020, ALBERT
}
STATES = {"last_hidden_state", "hidden_states", "attentions", "past_key_values", "pooler_output"}  # of no head


class Predictor:
    """Reads a model's logits, as its class and its configuration say what they are of.

    Args:
        network: …ForCausalLM, …LMHeadModel, …ForConditionalGeneration, …ForMaskedLM, …ForPreTraining,
            …ForNextSentencePrediction, …ForSequenceClassification, …ForTokenClassification, …ForImageClassification,
            …ForAudioClassification or …ForCTC; of another the predictions are none, and `unknown` says what it gives.
            (Answers to questions and choices between texts need more than logits: `answers` and `multiple_choice` read
            them.)
        names: of the tokens; None for a model of images or sounds.
        mask_id: of the token that stands for a word to be predicted; None where there is none.
        letters: of a …ForCTC, by their ids.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        names: TokenNames | None,
        mask_id: int | None = None,
        *,
        letters: Mapping[int, str] | None = None,
    ) -> None:
        self.predicts = _predicts(network, reads_text=names is not None)
        self.keeps_some_logits = "logits_to_keep" in inspect.signature(network.forward).parameters
        self._has_head = type(network) is not type(network.base_model)
        self._class = type(network).__name__
        self.names = names
        self.mask_id = mask_id
        self._scores: Scores = "softmax"
        self.labels: Mapping[int, str] = letters or {}
        if self.predicts in (Predicts.CLASS, Predicts.TOKEN_CLASS):
            self.labels = {int(index): str(label) for index, label in network.config.id2label.items()}
        if self.predicts is Predicts.CLASS:
            self._scores = _scores_of(network)

    def predictions(self, outputs: ModelOutput, index: int, ids: Sequence[int]) -> tuple[Prediction, ...]:
        """The candidates with the highest scores, of one input of a batch; none where the head is not known.

        Args:
            outputs: of the network's forward.
            index: of the input in the batch.
            ids: of the tokens that the logits are of.
        """
        found: list[Prediction] = []
        logits = outputs.get("prediction_logits" if "prediction_logits" in outputs else "logits")
        if logits is not None and self.predicts is Predicts.NEXT_SENTENCE:
            outputs = ModelOutput(seq_relationship_logits=logits)
        elif logits is not None and self.predicts is Predicts.CLASS:
            found = self._best(logits[index : index + 1], [None])
        elif logits is not None and self.predicts is Predicts.MASKED_TOKEN:
            masks = [position for position, token_id in enumerate(ids) if token_id == self.mask_id]
            found = self._best(logits[index, masks], masks)
        elif logits is not None and self.predicts is not Predicts.NOTHING:
            found = self._best(logits[index, : len(ids)], range(len(ids)))
        pairs = (
            Prediction(None, _ranked(classes, outputs[name][index].float().softmax(dim=-1)), of)
            for name, (of, classes) in PAIRS.items()
            if name in outputs
        )
        return (*found, *pairs)

    def unknown(self, outputs: ModelOutput, index: int) -> dict[str, str]:
        """For a recording's notes: what a head gives that is not known here; nothing where it is, or there is none."""
        if not self._has_head or self.predicts is not Predicts.NOTHING:
            return {}
        shapes = {
            name: " × ".join(map(str, value[index].shape)) or "one number"
            for name, value in outputs.items()
            if isinstance(value, Tensor) and value.ndim and name not in STATES
        }
        if not shapes:
            return {}
        gives = ", ".join(f"{name} ({shape})" for name, shape in shapes.items())
        return {"head": f"What {self._class} predicts is not known here; of this input it gives {gives}."}

    def _best(self, logits: Tensor, positions: Sequence[int | None]) -> list[Prediction]:
        """The COUNT best candidates of each position: logits [position, candidate]."""
        predictions = []
        for position, row in zip(positions, logits.split(1)):  # one by one: a copy of all in float32 may take gigabytes
            candidates = tuple((name, score) for _, name, score in self.best(row[0]))
            predictions.append(Prediction(position, candidates, self.predicts, self._scores))
        return predictions

    def best(self, logits: Tensor, also: Collection[int] = ()) -> list[Candidate]:
        """The COUNT best candidates of one position, and some others, the highest score first: logits [candidate]."""
        top = logits.topk(min(COUNT, len(logits))).indices.tolist()
        indices = torch.tensor(list(dict.fromkeys([*top, *also])), device=logits.device)
        scores = self.scores_of(logits, indices).tolist()
        found = [Candidate(index, self.name(index), score) for index, score in zip(indices.tolist(), scores)]
        return sorted(found, key=lambda candidate: -candidate.score)

    def scores_of(self, logits: Tensor, of: Tensor) -> Tensor:
        """The scores of some candidates by their indices, as the model's pipeline has them: logits [..., candidate]."""
        values = logits[..., of].float()
        if self._scores == "softmax":
            return (values - logits.float().logsumexp(dim=-1, keepdim=True)).exp()
        return values.sigmoid() if self._scores == "sigmoid" else values

    def name(self, index: int) -> str:
        """What a candidate is called."""
        if self.names is None or self.labels:
            return self.labels.get(index, f"class {index}")
        return self.names.decoded(index)


def _ranked(classes: Sequence[str], scores: Tensor) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(zip(classes, scores.tolist()), key=lambda row: -row[1]))


def _scores_of(network: PreTrainedModel) -> Scores:
    """What makes scores of a classifier's logits: the rule of transformers' pipelines, whose default it is."""
    config = network.config
    if config.problem_type == "regression":
        return "none"
    hears = network.main_input_name in (
        "input_values",
        "input_features",
    )  # for whose pipeline one label is no exception
    single = config.num_labels == 1 and not hears
    return "sigmoid" if config.problem_type == "multi_label_classification" or single else "softmax"


def _predicts(network: PreTrainedModel, *, reads_text: bool) -> Predicts:
    name = type(network).__name__
    if any(f"{what}Classification" in name for what in ("Sequence", "Image", "Audio")):
        return Predicts.CLASS
    if name.endswith("ForCTC"):
        return Predicts.HEARD
    if not reads_text:
        return Predicts.NOTHING
    if "TokenClassification" in name:
        return Predicts.TOKEN_CLASS
    if "QuestionAnswering" in name:
        return Predicts.ANSWER
    if "MultipleChoice" in name:
        return Predicts.CHOICE
    if "NextSentencePrediction" in name:
        return Predicts.NEXT_SENTENCE
    if "MaskedLM" in name or ("ForPreTraining" in name and network.get_output_embeddings() is not None):
        return Predicts.MASKED_TOKEN
    return Predicts.NEXT_TOKEN if network.can_generate() else Predicts.NOTHING
