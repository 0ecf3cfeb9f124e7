"""Which outputs of a model on an input can be asked about, with a sensible first choice."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import torch

from headlens.model.base import AnyModel
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.targets import (
    LogitTarget,
    MovementTarget,
    SaliencyTarget,
    SimilarityTarget,
    Target,
    named,
    predictor_of,
)
from headlens.model.errors import InputError
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.image_text import ImagePrompt
from headlens.model.inputs.text import SequenceInput, TextInput
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.parts import Predicts

Kind = Literal["next", "mask", "token class", "class", "start", "end", "similarity", "movement", "saliency"]
Region = tuple[tuple[int, int], tuple[int, int]]  # rows from, to (exclusive), and columns
WORDS: dict[str, str] = {
    "next": "the token after “{}”",
    "mask": "the token behind “{}”",
    "token class": "the class of “{}”",
    "class": "the class",
    "start": "where the answer starts",
    "end": "where the answer ends",
    "similarity": "how similar it is to another sentence",
    "movement": "how far its embedding moves",
    "saliency": "the saliency of a region",
}
PLACE = " (token "  # before the position of a candidate that is one: several may be called the same
OF_POSITIONS: dict[Predicts, Kind] = {
    Predicts.NEXT_TOKEN: "next",
    Predicts.MASKED_TOKEN: "mask",
    Predicts.TOKEN_CLASS: "token class",
}


class Choice(NamedTuple):
    """A kind of output, at one position where it has one."""

    kind: Kind
    at: int | None = None  # position in the run

    def __str__(self) -> str:
        return self.kind.replace(" ", "-") + ("" if self.at is None else f".{self.at}")


def choices(experiment: Experiment) -> list[Choice]:
    """What can be asked about, the sensible first choice first. Raises InputError where there is nothing."""
    model, given = experiment.model, experiment.input
    if model.predicts is Predicts.CHOICE:
        raise InputError(
            "This model reads each text to choose from beside the others, and none of it is asked about here; take "
            "another model."
        )
    run = experiment.unchanged.run
    found = [Choice(OF_POSITIONS[model.predicts], at) for at in _positions(model, given)]
    if model.predicts in (Predicts.CLASS, Predicts.NEXT_SENTENCE):
        found.append(Choice("class"))
    if not isinstance(run.outputs, torch.Tensor) and "start_logits" in run.outputs:
        found += [Choice("start"), Choice("end")]
    if isinstance(model, EncoderImageModel):
        found.append(Choice("saliency"))
    if model.embeddings([given], run) is not None:
        found.append(Choice("movement"))
        found += [Choice("similarity")] if isinstance(given, TextInput) else []
    if not found:
        raise InputError("Nothing that this model gives of this input can be asked about; take another model or input.")
    return found


def target(
    experiment: Experiment,
    choice: Choice | None = None,
    *,
    candidate: int | str | None = None,
    against: int | str | Literal["second", "others"] | None = "second",
    other: str | None = None,
    region: Region | None = None,
) -> Target:
    """What is asked about.

    Args:
        experiment: a model on an input.
        choice: one of `choices`; None: the first.
        candidate: of what a head chooses from: its index, or a token's text; None: the most probable.
        against: the candidate whose logit is subtracted; "second": the best other one; "others": all (the log of the
            odds); None: nothing.
        other: the text that a sentence is compared with.
        region: of patches, for "saliency"; None: the patch that is most salient.

    Raises InputError for what the model cannot be asked.
    """
    offered = choices(experiment)
    kind, at = offered[0] if choice is None else choice
    if (kind, at) not in offered:
        raise InputError("This model cannot be asked about that here; choose one of the outputs that are offered.")
    model, run = experiment.model, experiment.unchanged.run
    if kind == "saliency":
        return _saliency(experiment, region)
    if kind in ("similarity", "movement"):
        embeddings = model.embeddings([experiment.input], run)
        assert embeddings is not None
        if kind == "movement":
            name = "[CLS]" if isinstance(experiment.input, ImageInput) else "the sentence's embedding"
            return MovementTarget(embeddings[0].float(), name)
        if other is None or not other.strip():
            raise InputError("Give the sentence that this one is compared with.")
        return SimilarityTarget(embedding_of(model, other), f"“{other}”")
    output = f"{kind}_logits" if kind in ("start", "end") else "logits"
    what = WORDS[kind].format("" if at is None else name_at(experiment, at))
    # As the pipeline has it, an answer is in the second text, where there is one.
    among = experiment.input.of_second if kind in ("start", "end") else ()
    asked = LogitTarget(0, None, at, output, what, labels=_labels(experiment, kind), among=among or None)
    best = asked.candidates(model, experiment.unchanged_for(asked))
    chosen = best[0].logit if candidate is None else candidate_id(experiment, asked, candidate)
    rest = [each.logit for each in best if each.logit != chosen]
    if against == "second":
        against = rest[0] if rest else None
    elif against not in (None, "others"):
        against = candidate_id(experiment, asked, against)
        if against == chosen:
            raise InputError("A candidate cannot be compared with itself; choose another.")
    return named(replace(asked, candidate=chosen, against=against), model)  # type: ignore[arg-type]


def candidate_id(experiment: Experiment, asked: LogitTarget, candidate: int | str) -> int:
    """The index of a candidate's logit; a token is given by its text, without the space before. Raises InputError."""
    model = experiment.model
    logits = asked.logits(experiment.unchanged_for(asked))[0]
    if isinstance(candidate, bool) or not isinstance(candidate, int | str):
        raise InputError("A candidate is a word or a number; choose one of those that are listed.")
    if isinstance(candidate, int):
        if not 0 <= candidate < len(logits) or logits[candidate] == -torch.inf:
            raise InputError(f"There are {len(logits):,} candidates, and none has the number {candidate}.")
        return candidate
    candidate = candidate.encode(errors="backslashreplace").decode()  # half of a surrogate pair is no text
    labels = predictor_of(model).labels or dict(enumerate(asked.labels))
    if labels:
        found = [index for index, label in labels.items() if candidate in (label, label.rpartition(PLACE)[0] or label)]
        found = [index for index in found if logits[index] > -torch.inf]
    else:
        tokenizer = model.tokenizer  # type: ignore[attr-defined]  # of every model whose candidates are tokens
        rows = [tokenizer.encode(text, add_special_tokens=False) for text in (candidate, f" {candidate}")]
        unknown = getattr(tokenizer.model, "unk_token", None)  # it would stand for any word
        found = [
            row.ids[0] for row in rows if len(row.ids) == 1 and (candidate == unknown or unknown not in row.tokens)
        ]
    if not found:
        what = "candidate here" if asked.labels else "label of this model" if labels else "single token of this model"
        raise InputError(f"“{candidate:.40}” is no {what}; choose one of those that are listed, or another word.")
    return max(found, key=lambda index: float(logits[index]))


def _labels(experiment: Experiment, kind: Kind) -> tuple[str, ...]:
    """Of candidates that are neither tokens nor classes with labels of their own."""
    if kind in ("start", "end"):
        return tuple(f"{name_at(experiment, at)}{PLACE}{at})" for at in range(len(decoder_ids(experiment))))
    if kind == "class" and experiment.model.predicts is Predicts.NEXT_SENTENCE:
        from headlens.model.huggingface.record.predictions import PAIRS  # transformers takes seconds to import

        return PAIRS["seq_relationship_logits"][1]
    return ()


def name_at(experiment: Experiment, at: int) -> str:
    """What the token at a position of the run is called."""
    names = predictor_of(experiment.model).names
    return "" if names is None else names.of_id(decoder_ids(experiment)[at])


def decoder_ids(experiment: Experiment) -> tuple[int, ...]:
    """The tokens that the model's predictions are of: what it reads, or of two texts what it writes."""
    given = experiment.input
    if isinstance(given, SequenceInput):
        return tuple(experiment.model.decoder_ids(given))  # type: ignore[attr-defined]
    ids: tuple[int, ...] = given.ids
    return ids


def embedding_of(model: AnyModel, text: str) -> torch.Tensor:
    """The embedding [width] of another text. Raises InputError."""
    given = model.read(text)  # type: ignore[attr-defined]
    with torch.no_grad():
        embeddings = model.embeddings([given], model.forward(model.run_inputs([given])))
    assert embeddings is not None
    return embeddings[0].float()


def _positions(model: AnyModel, given: object) -> Sequence[int]:
    """The positions that can be asked about, first the one that comes first to mind."""
    if isinstance(given, ImagePrompt):
        if model.predicts is not Predicts.NEXT_TOKEN:
            return []
        image_token, last = model.image_token, len(given.ids) - 1  # type: ignore[attr-defined]
        behind = max(at for at, token_id in enumerate(given.ids) if token_id == image_token) + 1
        return [last, *range(behind, last)]
    if not isinstance(given, TextInput):
        return []
    if model.predicts is Predicts.MASKED_TOKEN:
        mask = predictor_of(model).mask_id
        return [at for at, token_id in enumerate(given.ids) if token_id == mask]
    if model.predicts is Predicts.TOKEN_CLASS:
        return [at for at in range(len(given.ids)) if given.offsets[at] is not None]
    if model.predicts is not Predicts.NEXT_TOKEN:
        return []
    written = len(given.written) if isinstance(given, SequenceInput) else num_written(given)
    count = 1 + written if isinstance(given, SequenceInput) else len(given.ids)
    first = count - 1 - written  # what was written first, else what comes next
    return [*range(first, count), *range(first)]


def num_written(given: TextInput) -> int:
    """How many tokens at the end of a text the model itself has written."""
    at = len(given.ids)
    while at and given.offsets[at - 1] is None and given.segments[at - 1] == 1:
        at -= 1
    return len(given.ids) - at


def _saliency(experiment: Experiment, region: Region | None) -> SaliencyTarget:
    image: ImageInput = experiment.input
    rows, columns = image.photo.grid
    if region is None:
        maps = experiment.model.saliency(image, experiment.unchanged.run)  # type: ignore[attr-defined]
        means = maps[0].unflatten(0, (rows, -1)).unflatten(2, (columns, -1)).mean(dim=(1, 3))
        row, column = divmod(int(means.argmax()), columns)
        region = ((row, row + 1), (column, column + 1))
    (top, bottom), (left, right) = region
    if not (0 <= top < bottom <= rows and 0 <= left < right <= columns):
        raise InputError(f"This photo has {rows} × {columns} patches, and the region is outside of them.")
    return SaliencyTarget(*region)
