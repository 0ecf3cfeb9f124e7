"""Integrated gradients (Sundararajan, Taly & Yan 2017, "Axiomatic Attribution for Deep Networks")."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from headlens.model.base import AnyRun
from headlens.model.effects.embeddings import mean_row, replaced_embeddings, token_embeddings
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.explanation import Explanation, as_scores
from headlens.model.effects.explain.leaves import summed
from headlens.model.effects.explain.positions import num_prefix
from headlens.model.effects.stand_ins import stand_in_token
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.inputs.image import ImageInput
from headlens.model.progress import OnStep, no_step

SEGMENTS, POINTS = 8, 4  # of the way at first, and steps in each
MOST = 256  # steps
WORST = 4  # segments that are halved at once
COMPLETE = 0.01  # of the target's difference; where it is next to none,
LEAST = 0.1  # of this share of what the target spans on the way
MAX_ROWS = 1_024  # tokens in one run that has a graph


class Path(NamedTuple):
    """The line from a baseline to what is read."""

    baseline: Tensor  # [1, token, width], or [1, channel, height, width]
    way: Tensor  # to what is read, of the same shape
    name: str  # of the baseline


class Segment(NamedTuple):
    """A part of the way."""

    first: float
    last: float
    products: Tensor  # of the way and the gradients on it
    before: float  # the target where it begins
    after: float  # and where it ends

    @property
    def missing(self) -> float:
        """The target's difference, less the products' sum."""
        return self.after - self.before - float(self.products.double().sum())


def integrated(
    experiment: Experiment, target: Target, *, steps: int | None = None, on_step: OnStep = no_step
) -> Explanation:
    """The mean gradient on the way from a baseline, times the way (ibid., equation 1; Gauss-Legendre quadrature).

    The baseline of a text: the mask's embedding, or the padding's, or the mean of all words, in place of each token
    that is not special; of a photo: its mean colour. Where the target changes suddenly on the way, as it does in
    language models, that part of the way gets more steps, until the scores sum to the target's difference.

    Args:
        experiment: a model on an input.
        target: what is asked about.
        steps: on the way, over the whole of it; None: 32, and up to 256 where they are needed.
        on_step: called with how many steps are done, and of how many at most; what it raises stops the run.

    Raises InputError for less than one step, CheckpointError where the embeddings are not known.
    """
    if steps is not None and steps < 1:
        raise InputError(f"There must be at least one step, not {steps}.")
    path = _path(experiment)
    at_once = [(0.0, 1.0)] if steps is not None else [(k / SEGMENTS, (k + 1) / SEGMENTS) for k in range(SEGMENTS)]
    segments, points = list[Segment](), POINTS if steps is None else steps
    taken, total = 0, MOST if steps is None else steps

    def tell(before: int, done: int) -> None:
        on_step(before + done, total)

    while True:
        segments += _segments(experiment, target, path, at_once, points, partial(tell, taken))
        taken += points * len(at_once)
        values = [value for segment in segments for value in (segment.before, segment.after)]
        missing = sum(segment.missing for segment in segments)
        difference = sum(segment.after - segment.before for segment in segments)
        enough = COMPLETE * max(abs(difference), LEAST * (max(values) - min(values)))
        if steps is not None or abs(missing) <= enough or taken >= MOST:
            break
        segments.sort(key=lambda segment: abs(segment.missing))
        segments, worst = segments[:-WORST], segments[-WORST:]
        middles = [(segment.first + segment.last) / 2 for segment in worst]
        halves = [((each.first, middle), (middle, each.last)) for each, middle in zip(worst, middles)]
        at_once = list(chain.from_iterable(halves))
    products = torch.stack([segment.products for segment in segments]).sum(dim=0)
    scores = summed(products, experiment.input, num_prefix(experiment))
    held = (
        f"From {path.name} in {taken} steps; the scores sum to {difference - missing:.3g}, and the target differs by "
        f"{difference:.3g}."
    )
    return Explanation("integrated", as_scores(scores), True, True, held)


def _path(experiment: Experiment) -> Path:
    """From the baseline to what is read."""
    model, given = experiment.model, experiment.input
    if isinstance(given, ImageInput):
        pixels = given.pixels
        baseline = pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
        return Path(baseline, pixels - baseline, "the photo's mean colour")
    kept, network = list[Tensor](), experiment.clone()

    def keep(rows: Tensor) -> Tensor:
        kept.append(rows)
        return rows

    with torch.no_grad(), replaced_embeddings(network, keep):
        experiment.forward([given], network=network)
        mask, padding = stand_in_token(model, "mask"), stand_in_token(model, "padding")
        token = padding if mask is None else mask
        if token is None:
            name, row = "the mean of all words", mean_row(model)
        else:
            name = "the padding's embedding" if mask is None else "the mask's embedding"
            row = token_embeddings(network)(torch.tensor([token], device=model.device))[0]
    special = torch.from_numpy(np.asarray(given.special)).to(model.device)
    baseline = torch.where(special[:, None], kept[0], row.to(kept[0]))
    return Path(baseline, kept[0] - baseline, name)


@contextmanager
def _reads(experiment: Experiment, target: Target, points: Tensor) -> Iterator[AnyRun]:
    """A run that reads points [batch, ...] instead of the input."""
    model, given = experiment.model, experiment.input
    network, options = experiment.clone(), target.options(model)
    if isinstance(given, ImageInput):
        yield experiment.forward([replace(given, pixels=points)], network=network, options=options)
        return
    with replaced_embeddings(network, lambda _: points):
        yield experiment.forward([given] * len(points), network=network, options=options)


def _values(experiment: Experiment, target: Target, path: Path, places: Sequence[float]) -> list[float]:
    """The target at places on the way, from 0 to 1."""
    found = list[float]()
    with torch.no_grad():
        for first in range(0, len(places), experiment.batch_size):
            points = _points(path, torch.tensor(places[first : first + experiment.batch_size]))
            with _reads(experiment, target, points) as run:
                found += target.read(experiment.model, [experiment.input] * len(points), run).tolist()
    return found


def _points(path: Path, places: Tensor) -> Tensor:
    """[place, ...], what is read at places on the way."""
    return path.baseline + places.to(path.way).view(-1, *(1 for _ in path.way.shape[1:])) * path.way


def _segments(
    experiment: Experiment,
    target: Target,
    path: Path,
    ends: list[tuple[float, float]],
    points: int,
    on_point: Callable[[int], object],
) -> list[Segment]:
    """Parts of the way, each with so many points; on_point is called with how many are done."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    places = torch.from_numpy(np.concatenate([first + (last - first) * (nodes + 1) / 2 for first, last in ends]))
    shares = torch.block_diag(*(torch.from_numpy((last - first) / 2 * weights)[None] for first, last in ends))
    total = torch.zeros(len(ends), path.way.numel(), device=path.way.device)  # of the gradients in each part
    at_once = max(1, min(experiment.batch_size, MAX_ROWS // experiment.num_rows))
    for first in range(0, len(places), at_once):
        on_point(first)
        some = slice(first, first + at_once)
        with torch.enable_grad():
            read = _points(path, places[some]).detach().requires_grad_()
            with _reads(experiment, target, read) as run:
                value = target.read(experiment.model, [experiment.input] * len(read), run).sum()
            (gradient,) = torch.autograd.grad(value, read)
        total += shares[:, some].to(total) @ gradient.flatten(1).float()
    products = path.way.float() * total.unflatten(1, path.way.shape[1:])
    values = _values(experiment, target, path, list(chain.from_iterable(ends)))
    return [
        Segment(first, last, part, before, after)
        for (first, last), part, before, after in zip(ends, products, values[::2], values[1::2])
    ]
