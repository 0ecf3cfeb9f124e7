"""What a model foretells: the next token, the one behind a mask, or a class, each with its probability."""

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor
from transformers import PreTrainedModel

from model.recording import Prediction

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
        return (Prediction(None, _best(logits[0], _labels(network))),)
    if tokenizer is None:
        return ()
    if "TokenClassification" in name:
        return tuple(Prediction(place, _best(row, _labels(network))) for place, row in enumerate(logits[0]))
    if "MaskedLM" in name:
        mask = (
            network.config.mask_token_id
            if hasattr(network.config, "mask_token_id")
            else tokenizer.token_to_id("[MASK]")
        )
        mask = tokenizer.token_to_id("<mask>") if mask is None else mask
        places = [place for place, number in enumerate(ids) if number == mask]
    elif network.can_generate():
        places = list(range(len(ids)))
    else:
        return ()
    return tuple(Prediction(place, _best(logits[0, place], tokenizer)) for place in places)


def _labels(network: PreTrainedModel) -> dict[int, str]:
    return {int(number): str(label) for number, label in network.config.id2label.items()}


def _best(logits: Tensor, names: Tokenizer | dict[int, str]) -> tuple[tuple[str, float], ...]:
    """The COUNT most probable of [candidate], by name."""
    probabilities, numbers = logits.float().softmax(dim=-1).topk(min(COUNT, len(logits)))
    return tuple((_name(names, int(number)), float(p)) for p, number in zip(probabilities, numbers))


def _name(names: Tokenizer | dict[int, str], number: int) -> str:
    if isinstance(names, dict):
        return names.get(number, f"class {number}")
    text = names.decode([number], skip_special_tokens=False)
    return text if text and "\ufffd" not in text else names.id_to_token(number) or f"#{number}"


def mask_token(tokenizer: Tokenizer) -> str | None:
    """How a mask is written in a text, or None where the tokenizer has none."""
    return next((mask for mask in ("[MASK]", "<mask>") if tokenizer.token_to_id(mask) is not None), None)
