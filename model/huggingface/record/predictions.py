"""What a model predicts: the next token, the one behind a mask, or a class, each with its probability."""

from collections.abc import Mapping, Sequence

from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.protocol import Predicts
from headlens.model.recording.parts import Prediction

COUNT = 10  # candidates


class Predictor:
    """Reads a model's logits, as its class says what they are of.

    Args:
        network: …ForCausalLM, …LMHeadModel, …ForConditionalGeneration, …ForMaskedLM, …ForSequenceClassification,
            …ForTokenClassification or …ForImageClassification; another predicts nothing.
        tokenizer: names the tokens; None for a model of images.
    """

    def __init__(self, network: PreTrainedModel, tokenizer: Tokenizer | None) -> None:
        self.predicts = _predicts(network, tokenizer)
        self._tokenizer = tokenizer
        self._labels: Mapping[int, str] = {}
        if self.predicts in (Predicts.CLASS, Predicts.TOKEN_CLASS):
            self._labels = {int(index): str(label) for index, label in network.config.id2label.items()}

    def predictions(self, logits: Tensor | None, ids: Sequence[int]) -> tuple[Prediction, ...]:
        """The most probable candidates, by softmax of one input's logits; none without logits.

        Args:
            logits: [token, candidate], or of a class of the whole input [candidate].
            ids: of the tokens that the logits are of.
        """
        if logits is None or self.predicts is Predicts.NOTHING:
            return ()
        if self.predicts is Predicts.CLASS:
            return self._best(logits[None], [None])
        if self.predicts is Predicts.MASKED_TOKEN:
            masks = [position for position, token_id in enumerate(ids) if token_id == self._mask_id()]
            return self._best(logits[masks], masks)
        return self._best(logits[: len(ids)], range(len(ids)))

    def _mask_id(self) -> int | None:
        assert self._tokenizer is not None
        mask_id = self._tokenizer.token_to_id("[MASK]")
        return self._tokenizer.token_to_id("<mask>") if mask_id is None else mask_id

    def _best(self, logits: Tensor, positions: Sequence[int | None]) -> tuple[Prediction, ...]:
        """The COUNT most probable candidates of each position: logits [position, candidate]."""
        predictions, names = [], dict[int, str]()
        for position, row in zip(positions, logits.split(1)):  # one by one: a copy of all in float32 may take gigabytes
            values, top = row[0].topk(min(COUNT, row.shape[-1]))
            probabilities = (values.float() - row[0].float().logsumexp(dim=-1)).exp().tolist()
            indices = top.tolist()
            for index in indices:
                if index not in names:
                    names[index] = self._name(index)
            candidates = tuple((names[index], probability) for index, probability in zip(indices, probabilities))
            predictions.append(Prediction(position, candidates))
        return tuple(predictions)

    def _name(self, index: int) -> str:
        if self.predicts in (Predicts.CLASS, Predicts.TOKEN_CLASS):
            return self._labels.get(index, f"class {index}")
        assert self._tokenizer is not None
        return decoded(self._tokenizer, index)


def decoded(tokenizer: Tokenizer, token_id: int) -> str:
    """What a token reads as; its own name where it is no whole character."""
    text = str(tokenizer.decode([token_id], skip_special_tokens=False))
    if text and "\ufffd" not in text:
        return text
    return tokenizer.id_to_token(token_id) or f"#{token_id}"


def _predicts(network: PreTrainedModel, tokenizer: Tokenizer | None) -> Predicts:
    name = type(network).__name__
    if "SequenceClassification" in name or "ImageClassification" in name:
        return Predicts.CLASS
    if tokenizer is None:
        return Predicts.NOTHING
    if "TokenClassification" in name:
        return Predicts.TOKEN_CLASS
    if "MaskedLM" in name:
        return Predicts.MASKED_TOKEN
    return Predicts.NEXT_TOKEN if network.can_generate() else Predicts.NOTHING
