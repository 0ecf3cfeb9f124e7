"""The methods that explain an output, in their order, and one call for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.chefer import chefer
from headlens.model.effects.explain.explanation import Explanation
from headlens.model.effects.explain.gradient_input import gradient_input
from headlens.model.effects.explain.integrated import integrated
from headlens.model.effects.explain.legrad import legrad
from headlens.model.effects.explain.norms import norms
from headlens.model.effects.explain.reasons import (
    flow_missing,
    gradient_missing,
    legrad_missing,
    norms_missing,
    path_missing,
    relevance_missing,
    weights_missing,
)
from headlens.model.effects.explain.weights import attention, flow, rollout
from headlens.model.effects.targets import Target
from headlens.model.errors import InputError
from headlens.model.progress import OnStep

Option = float | str | OnStep | None
Reason = Callable[[Experiment, Target], str | None]


@dataclass(frozen=True)
class Method:
    """One way to explain an output."""

    key: str
    title: str
    about_output: bool  # or about where information could flow
    help: str  # what it does, in a sentence
    source: str
    function: Callable[..., Explanation]  # (experiment, target, **options)
    missing: Reason  # why a model, an input or a target cannot have it
    many_steps: bool = False  # it takes on_step too


_METHODS = (
    Method(
        "chefer",
        "Relevance by weights and gradients",
        True,
        "Each layer's weights times their gradients, the positive ones, followed from the output down to the input.",
        "Chefer, Gur & Wolf 2021, “Generic Attention-model Explainability”",
        chefer,
        relevance_missing,
    ),
    Method(
        "legrad",
        "LeGrad",
        True,
        "How much the output would grow with the weights of the last layers, each scored by the model's own head.",
        "Bousselham et al. 2024, “LeGrad: An Explainability Method for Vision Transformers”",
        legrad,
        legrad_missing,
    ),
    Method(
        "gradient_input",
        "Gradient × input",
        True,
        "What is read times the slope of the output there: a first guess at what each part adds to the output.",
        "Shrikumar et al. 2016, “Not Just a Black Box”",
        gradient_input,
        gradient_missing,
    ),
    Method(
        "integrated",
        "Integrated gradients",
        True,
        "The mean slope on the way from a baseline, times the way: the scores sum to what the output gains on it.",
        "Sundararajan, Taly & Yan 2017, “Axiomatic Attribution for Deep Networks”",
        integrated,
        path_missing,
        many_steps=True,
    ),
    Method(
        "rollout",
        "Attention rollout",
        False,
        "The weights of all layers multiplied, each with its residual connection: where the rows could come from.",
        "Abnar & Zuidema 2020, “Quantifying Attention Flow in Transformers”",
        rollout,
        weights_missing,
    ),
    Method(
        "flow",
        "Attention flow",
        False,
        "The most that could flow through the weights of all layers; often nearly the same for all tokens.",
        "Abnar & Zuidema 2020, “Quantifying Attention Flow in Transformers”",
        flow,
        flow_missing,
        many_steps=True,
    ),
    Method(
        "norms",
        "Norms of value-weighted vectors",
        False,
        "How long the vector is that one layer adds up of each token: a weight on a short one adds little.",
        "Kobayashi et al. 2020, “Attention is Not Only a Weight”",
        norms,
        norms_missing,
    ),
    Method(
        "attention",
        "Attention of the last layer",
        False,
        "The last layer's weights as they are, the mean over its heads, for comparison.",
        "Vaswani et al. 2017, “Attention Is All You Need”",
        attention,
        weights_missing,
    ),
)
METHODS: Mapping[str, Method] = MappingProxyType({method.key: method for method in _METHODS})


def why_not(experiment: Experiment, target: Target, method: str) -> str | None:
    """Why this model, input or target cannot have a method, in a sentence; None where it can.

    Raises InputError for a method that is none.
    """
    return _method(method).missing(experiment, target)


def explain(experiment: Experiment, target: Target, method: str = "chefer", **options: Option) -> Explanation:
    """Which tokens or patches an output rests on.

    Args:
        experiment: a model on an input.
        target: what is asked about, from `choices.target`.
        method: a key of METHODS.
        options: of the method: share and fusion of "rollout", first_layer of "chefer", layers of "legrad", layer of
            "norms", steps of "integrated"; on_step of those with many steps.

    Raises InputError for a method that is none, or that this model, input or target cannot have, or an option that is
    out of bounds; CheckpointError, DeviceError as a run does.
    """
    chosen = _method(method)
    missing = chosen.missing(experiment, target)
    if missing is not None:
        raise InputError(missing)
    return chosen.function(experiment, target, **options)


def _method(key: str) -> Method:
    if key not in METHODS:
        raise InputError(f"“{key:.40}” is no method here; take one of {', '.join(METHODS)}.")
    return METHODS[key]
