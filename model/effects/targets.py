"""The output that is asked about: one number that a run gives, and what it is called."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from headlens.model.base import AnyModel, AnyRun
from headlens.model.inputs.image import ImageInput
from headlens.model.pretrained.image_model import EncoderImageModel
from headlens.model.recording.parts import Candidate

if TYPE_CHECKING:  # transformers takes seconds to import
    from headlens.model.huggingface.record.predictions import Predictor

Against = int | Literal["others"] | None  # another candidate; all others together; nothing


class Target(ABC):
    """One number of a run. `str(target)` says it in words."""

    has_gradient = True  # at the unchanged input

    @abstractmethod
    def read(self, model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
        """The number of each input of a run, [batch] float32, on its graph."""

    def candidates(self, model: AnyModel, run: AnyRun, also: Collection[int] = ()) -> list[Candidate]:
        """The ten best that the model chooses from, by the first input of a run; nothing of a target that is no choice.

        also: logits of others that are wanted too. The highest score comes first.
        """
        return []

    def probability(self, model: AnyModel, run: AnyRun) -> Tensor | None:
        """The score of the candidate that is asked about, [batch]; None of a target that is no choice."""
        return None

    def options(self, model: AnyModel) -> Mapping[str, object]:
        """Of the model's forward, where less than all has to be computed."""
        return {}

    @property
    def position(self) -> int | None:
        """The position in the run that it is read from; None: from several, or from [CLS]."""
        return None


@dataclass(frozen=True)
class LogitTarget(Target):
    """A candidate's logit, or how far it is above another's.

    "others" is the log of the odds: the logit less the logarithm of the sum of exp of all others.
    """

    candidate: int
    against: Against
    at: int | None  # position; None: of the whole input
    output: str = "logits"
    what: str = ""  # in words, from `choices`
    name: str = ""
    against_name: str = ""
    labels: tuple[str, ...] = ()  # of the candidates, where they are neither tokens nor classes with labels
    among: tuple[int, ...] | None = None  # which candidates there are; None: all

    def read(self, model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
        """The logit, or the difference of two."""
        logits = self.logits(run).float()
        own = logits[:, self.candidate]
        if self.against is None:
            return own
        if self.against == "others":
            return own - logits.masked_fill(_only(logits, self.candidate), -torch.inf).logsumexp(dim=-1)
        return own - logits[:, self.against]

    def candidates(self, model: AnyModel, run: AnyRun, also: Collection[int] = ()) -> list[Candidate]:
        """The ten best, and others."""
        best = predictor_of(model).best(self.logits(run)[0], also)
        best = [each for each in best if self.among is None or each.logit in self.among]
        return [each._replace(name=self.labels[each.logit]) for each in best] if self.labels else best

    def probability(self, model: AnyModel, run: AnyRun) -> Tensor:
        """As the model's pipeline has it."""
        return predictor_of(model).scores_of(self.logits(run), torch.tensor([self.candidate]))[:, 0]

    def options(self, model: AnyModel) -> Mapping[str, object]:
        """Logits of this position alone, of models that can leave out the others."""
        if self.at is None or not predictor_of(model).keeps_some_logits:
            return {}
        return {"logits_to_keep": torch.tensor([self.at], device=model.device)}

    @property
    def position(self) -> int | None:
        """Of the token that it is read from."""
        return self.at

    def __str__(self) -> str:
        if self.against == "others":
            return f"{self.what}: “{self.name}”, against all others"
        return f"{self.what}: “{self.name}”" + ("" if self.against is None else f", against “{self.against_name}”")

    def logits(self, run: AnyRun) -> Tensor:
        """[batch, candidate], of the position that is asked about."""
        logits: Tensor = run.outputs["prediction_logits" if "prediction_logits" in run.outputs else self.output]
        if self.output != "logits":  # an answer's start or end: the candidates are the positions
            return logits if self.among is None else logits.masked_fill(_all_but(logits, self.among), -torch.inf)
        if self.at is None:
            return logits
        return logits[:, self.at if logits.shape[1] > 1 else 0]  # of some models all others were left out


@dataclass(frozen=True, eq=False)
class SimilarityTarget(Target):
    """How similar the input's embedding is to another one that stays as it is (Reimers & Gurevych 2019, section 3)."""

    other: Tensor  # [width]
    name: str  # what it is of

    def read(self, model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
        """The cosine, or what the model was made for in its place."""
        return model.similarity(_embeddings(model, batch, run), self.other)

    def __str__(self) -> str:
        return f"how similar it is to {self.name}"


@dataclass(frozen=True, eq=False)
class MovementTarget(Target):
    """How far the embedding moves: 1 - cosine to the unchanged one. Its gradient there is zero, for it is least."""

    unchanged: Tensor  # [width]
    name: str  # what is embedded
    has_gradient = False

    def read(self, model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
        """1 - cosine."""
        cosine = F.cosine_similarity(_embeddings(model, batch, run), self.unchanged, dim=-1)
        return (1 - cosine).clamp(min=0)  # else it is a rounding error

    def __str__(self) -> str:
        return f"how far {self.name} moves"


@dataclass(frozen=True)
class SaliencyTarget(Target):
    """The mean saliency in a region of patches."""

    rows: tuple[int, int]  # from, to (exclusive)
    columns: tuple[int, int]

    def read(self, model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
        """The mean over the region's pixels."""
        image = batch[0]
        assert isinstance(model, EncoderImageModel)
        assert isinstance(image, ImageInput)
        maps = model.saliency(image, run)
        height, width = (side // count for side, count in zip(maps.shape[1:], image.photo.grid))
        (top, bottom), (left, right) = self.rows, self.columns
        return maps[:, top * height : bottom * height, left * width : right * width].mean(dim=(1, 2)).float()

    def __str__(self) -> str:
        (top, bottom), (left, right) = self.rows, self.columns
        if (bottom - top, right - left) == (1, 1):
            return f"the saliency of patch ({top}, {left})"
        return f"the mean saliency of patches ({top}, {left}) to ({bottom - 1}, {right - 1})"


def predictor_of(model: AnyModel) -> "Predictor":
    """What reads a model's logits."""
    predictor: Predictor = model.predictor  # type: ignore[attr-defined]  # of every model that has logits
    return predictor


def named(target: LogitTarget, model: AnyModel) -> LogitTarget:
    """The target, with its candidates' names as the model's tokenizer or configuration has them."""
    name = target.labels.__getitem__ if target.labels else predictor_of(model).name
    against = name(target.against) if isinstance(target.against, int) else ""
    return replace(target, name=name(target.candidate).strip() or "␣", against_name=against.strip() or "␣")


def _only(logits: Tensor, candidate: int) -> Tensor:
    """[candidate] bool: True for one."""
    return torch.arange(logits.shape[-1], device=logits.device) == candidate


def _all_but(logits: Tensor, among: Collection[int]) -> Tensor:
    """[candidate] bool: False for these."""
    others = torch.ones(logits.shape[-1], dtype=torch.bool, device=logits.device)
    others[[candidate for candidate in among if candidate < len(others)]] = False
    return others


def _embeddings(model: AnyModel, batch: Sequence[object], run: AnyRun) -> Tensor:
    embeddings = model.embeddings(batch, run)
    assert embeddings is not None
    return embeddings.float()
