"""Which explanation beats random orders, on the samples: `python -m tests.benchmarks.explanations`, some minutes."""

from collections.abc import Iterator
from typing import Any

from headlens.model import load_model
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.curves import deletion_curve, random_band
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import METHODS, explain, why_not
from headlens.model.effects.occlusion import occlusion
from headlens.model.effects.stand_ins import Removal
from headlens.model.effects.targets import Target
from headlens.viz.inputs.samples import FIRST_PROMPT, PHOTOS, TEXTS
from tests.benchmarks.measure import say

Asked = tuple[str, Experiment, Target, Removal, int]  # the model's name, what is asked, what stands in, random orders
OCCLUSION = "Occlusion, one at a time"


def inputs() -> Iterator[Asked]:
    """A word's logit against the second best, a pair's cosine, the saliency of the most salient patch."""
    smollm2: Any = load_model("smollm2-135m")
    for prompt in (FIRST_PROMPT.prompt, *(" ".join(sample.texts[0].split()[:-1]) for sample in TEXTS.values())):
        experiment = Experiment(smollm2, smollm2.read(prompt))
        yield "SmolLM2", experiment, target(experiment), "mean", 100
    minilm: Any = load_model("minilm-l6")
    pair = TEXTS["A pair"].texts
    for text, other in (pair, pair[::-1]):
        experiment = Experiment(minilm, minilm.read(text))
        yield "MiniLM", experiment, target(experiment, Choice("similarity"), other=other), "mask", 100
    dinov2: Any = load_model("dinov2-focus")
    for photo in PHOTOS.values():
        experiment = Experiment(dinov2, dinov2.read(photo.read(), 224))
        yield "DINOv2", experiment, target(experiment), "mean colour", 20


def better(asked: Asked) -> dict[str, bool]:
    """Whether insertion area - deletion area of each method is above the 95th percentile of random orders."""
    _, experiment, about, removed, orders = asked
    band = random_band(experiment, about, removed=removed, orders=orders).difference
    scores = {OCCLUSION: occlusion(experiment, about, removed)}
    for key, method in METHODS.items():
        if key != "flow" and why_not(experiment, about, key) is None:
            scores[method.title] = explain(experiment, about, key).scores
    return {
        title: deletion_curve(experiment, about, each, removed=removed).difference > band.high
        for title, each in scores.items()
    }


def main() -> None:
    """Print how often each beats them, a column a model."""
    found: dict[str, dict[str, list[bool]]] = {}
    for asked in inputs():
        say(f"{asked[0]}: {asked[2]}")
        for title, is_better in better(asked).items():
            found.setdefault(title, {}).setdefault(asked[0], []).append(is_better)
    models = ("SmolLM2", "MiniLM", "DINOv2")
    print("| explanation |", " | ".join(models), "|\n|---|" + "---:|" * len(models))
    for title, by_model in sorted(found.items(), key=lambda item: -sum(map(sum, item[1].values()))):
        cells = [f"{sum(by_model[name])} of {len(by_model[name])}" if name in by_model else "–" for name in models]
        print(f"| {title} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
