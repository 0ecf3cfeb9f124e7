"""What a model foretells: the next token, the one behind a mask, or a class, each with its probability."""

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from headlens.model.recording.parts import Prediction

COUNT = 10  # candidates


def predictions_of(
    network: PreTrainedModel, tokenizer: Tokenizer | None, outputs: Any, ids: Sequence[int]
) -> tuple[Prediction, ...]:
    """The most probable candidates by softmax of a run's logits; none for a model without a head that is known.

    Args:
        network: by whose class the logits are understood: …ForCausalLM, …LMHeadModel, …ForConditionalGeneration,
            …ForMaskedLM, …ForSequenceClassification, …ForTokenClassification, …ForImageClassification.
        tokenizer: names the tokens; None for a model of images.
        outputs: of one input, with logits [1, token, vocabulary] or [1, class].
        ids: [token] of which the logits are.
    """
    logits, name = outputs.get("logits"), type(network).__name__
    if logits is None:
        return ()
    if "SequenceClassification" in name or "ImageClassification" in name:
        return _best(logits, [None], _labels(network))
    if tokenizer is None:
        return ()
    if "TokenClassification" in name:
        return _best(logits[0], range(len(ids)), _labels(network))
    if "MaskedLM" in name:
        mask = tokenizer.token_to_id("[MASK]")
        mask = tokenizer.token_to_id("<mask>") if mask is None else mask
        places = [place for place, number in enumerate(ids) if number == mask]
    else:
        places = list(range(len(ids))) if network.can_generate() else []
    return _best(logits[0, places], places, tokenizer)


def _labels(network: PreTrainedModel) -> dict[int, str]:
    return {int(number): str(label) for number, label in network.config.id2label.items()}


def _best(logits: Tensor, places: Sequence[int | None], names: Tokenizer | dict[int, str]) -> tuple[Prediction, ...]:
    """The COUNT most probable candidates, by name, of each place: logits [place, candidate]."""
    found, known = [], dict[int, str]()
    for place, row in zip(places, logits.split(1)):  # a row at a time: a copy of all in float32 may take gigabytes
        values, numbers = row[0].topk(min(COUNT, row.shape[-1]))
        chances = (values.float() - row[0].float().logsumexp(dim=-1)).exp().tolist()
        for number in numbers.tolist():
            if number not in known:
                known[number] = _name(names, number)
        found.append(Prediction(place, tuple((known[n], p) for n, p in zip(numbers.tolist(), chances))))
    return tuple(found)


def _name(names: Tokenizer | dict[int, str], number: int) -> str:
    return names.get(number, f"class {number}") if isinstance(names, dict) else decoded(names, number)


def decoded(tokenizer: Tokenizer, number: int) -> str:
    """What a token reads as; its own name where it is no whole character."""
    text = tokenizer.decode([number], skip_special_tokens=False)
    return text if text and "\ufffd" not in text else tokenizer.id_to_token(number) or f"#{number}"
