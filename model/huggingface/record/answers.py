"""Answers to questions: stretches of a text, as transformers' question-answering pipeline has found them."""

from collections.abc import Sequence

import numpy as np
from transformers.utils import ModelOutput

from headlens.model.huggingface.record.predictions import COUNT
from headlens.model.inputs.text import TextInput
from headlens.model.recording.parts import Prediction, Predicts

LONGEST = 15  # tokens of an answer, as in the pipeline
ALONE = "This model answers questions: give the question first, and in the second field the text to find its answer in."


def answers(
    outputs: ModelOutput, index: int, text: TextInput, *, names: Sequence[str]
) -> tuple[Prediction, Prediction, Prediction] | tuple[()]:
    """The best answers in the second text, and where they start and end, with probabilities; nothing without one.

    A probability is taken over the second text's tokens alone; an answer's is that of its start times that of its end.
    It has at most LONGEST tokens, and whole words.

    Args:
        outputs: start_logits and end_logits [batch, token].
        index: of the text in the batch.
        text: a question, and what is read to answer it.
        names: of the tokens.
    """
    if len(text.texts) != 2:
        return ()
    own = np.isin(np.arange(len(text.ids)), text.of_second)
    starts, ends = (_softmax(outputs[name][index, : len(own)].float().cpu().numpy(), own) for name in LOGITS)
    spans = np.tril(np.triu(np.outer(starts, ends)), LONGEST - 1)  # [first token, last token]
    best = np.argsort(-spans, axis=None, kind="stable")
    found: dict[str, float] = {}
    for flat in best[: 10 * COUNT]:
        first, last = np.unravel_index(flat, spans.shape)
        if spans[first, last] > 0:
            found.setdefault(_words(text, int(first), int(last)), float(spans[first, last]))
    return (
        Prediction(None, tuple(found.items())[:COUNT], Predicts.ANSWER),
        _places(starts, names, Predicts.ANSWER_START),
        _places(ends, names, Predicts.ANSWER_END),
    )


LOGITS = ("start_logits", "end_logits")


def _softmax(logits: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Probabilities [token] over those that are the text's own; the others have none."""
    powers = np.where(own, np.exp(logits - logits[own].max()), 0.0)
    probabilities: np.ndarray = powers / powers.sum()
    return probabilities


def _words(text: TextInput, first: int, last: int) -> str:
    """The stretch of the second text from one token to another, with the whole of their words."""
    spans = []
    for token in (first, last):
        word = text.words[token]
        same = [at for at, other in enumerate(text.words) if word is not None and other == word] or [token]
        spans += [span for at in same if (span := text.offsets[at]) is not None]
    return text.texts[1][min(start for start, _ in spans) : max(end for _, end in spans)]


def _places(probabilities: np.ndarray, names: Sequence[str], of: Predicts) -> Prediction:
    """The tokens with the highest probabilities, with their positions, since several may be called the same."""
    best = np.argsort(-probabilities, kind="stable")[:COUNT]
    candidates = tuple((f"{names[at]} (token {at})", float(probabilities[at])) for at in best if probabilities[at] > 0)
    return Prediction(None, candidates, of)
