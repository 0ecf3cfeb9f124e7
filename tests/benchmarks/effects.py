"""What it takes to say what an output rests on: beside plain forward passes of the same model on the same input."""

import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
import transformers
from playwright.sync_api import Browser, Page

from headlens.model import load_model
from headlens.model.attention.formula import upcast
from headlens.model.effects.choices import Choice, target
from headlens.model.effects.curves import cost, deletion_curve, random_band
from headlens.model.effects.experiment import Experiment
from headlens.model.effects.explain.methods import explain
from headlens.model.effects.heads import ablate, head_effects
from headlens.model.effects.targets import Target
from tests.benchmarks.how import first_picture
from tests.benchmarks.measure import Row, fresh, in_turns, markdown, megabytes, milliseconds, say
from tests.benchmarks.memory import CLEAR, _tidy, resident
from tests.benchmarks.pages import app, chromium, visitor
from tests.paths import ROOT

SECONDS, ROUNDS = 10, 7
METHODS = ("chefer", "legrad", "gradient_input")  # of one run forward and one back
TEXT = "The trophy does not fit in the brown suitcase because it is too big."
OTHER = "The suitcase is too small for the trophy."
PROMPT = (
    "The trophy does not fit in the brown suitcase because it is too big, and so the man who wanted to take it home "
    "puts it on the"
)
NUMBER = "[data-testid=stMetricValue]"
LONG = 1_024  # tokens
VALUE = "document.querySelector('.st-key-matter_value').textContent"  # the numbers, and which heads are off
PRESSES = 9  # over all layers
GRID = "[...document.querySelectorAll('.js-plotly-plot')].find(plot => plot._fullData[0].marker?.symbol === 'square')"


def minilm() -> tuple[Experiment, Target]:
    """A sentence of 17 tokens, and its similarity to another one."""
    model: Any = load_model("minilm-l6")
    experiment = Experiment(model, model.read(TEXT))
    return experiment, target(experiment, Choice("similarity"), other=OTHER)


def smollm2() -> tuple[Experiment, Target]:
    """A prompt of some 30 tokens, and the token after it."""
    model: Any = load_model("smollm2-135m")
    experiment = Experiment(model, model.read(PROMPT))
    return experiment, target(experiment, Choice("next", len(experiment.input.ids) - 1))


def dinov2() -> tuple[Experiment, Target]:
    """A photo at 224 pixels, and the saliency of its most salient patch."""
    model: Any = load_model("dinov2-focus")
    experiment = Experiment(model, model.read(ROOT / "assets/samples/coffee.jpg", 224))
    return experiment, target(experiment)


CASES = {"MiniLM": minilm, "SmolLM2": smollm2, "DINOv2 at 224": dinov2}


def plain_of(experiment: Experiment) -> Any:
    """A plain forward pass, of a language model with the logits of all positions."""

    @torch.inference_mode()
    def plain() -> object:
        return experiment.model.network(**experiment.model.batch_inputs([experiment.input]))

    return plain


def heads(name: str) -> Iterator[Row]:
    """Gradients, exact effects and one press, beside a plain forward pass."""
    experiment, asked = CASES[name]()
    count = len(experiment.contexts) * len(experiment.contexts[0])
    times = in_turns(
        {
            "plain": plain_of(experiment),
            "gradient": lambda: head_effects(experiment, asked, method="gradient"),
            "exact": lambda: head_effects(experiment, asked),
            "one": lambda: ablate(experiment, [(len(experiment.contexts) // 2, 0)], asked),
            **{method: partial(explain, experiment, asked, method) for method in METHODS},
        },
        SECONDS,
    )
    where, plain = f"{name}, {experiment.num_rows} tokens", times["plain"]
    slowest = max(times[method] for method in METHODS) / plain
    shares = ", ".join(f"{method} {times[method] / plain:.1f}" for method in METHODS)
    beside = f"plain forward {milliseconds(plain)}"
    yield Row("explanation by gradients", where, f"{shares} × plain", beside, "4 × plain", slowest <= 4)
    gradient = times["gradient"] / plain
    yield Row("all heads by the gradient", where, f"{gradient:.1f} × plain", beside, "5 × plain", gradient <= 5)
    exact = times["exact"] / (count * plain)
    aim, met = ("1,000 ms", times["exact"] <= 1000) if name == "MiniLM" else ("0.35", exact <= 0.35)
    yield Row(
        "all heads exactly",
        where,
        f"{milliseconds(times['exact'])}: {exact:.2f} × {count} heads × plain",
        beside,
        "–" if name.startswith("DINO") else aim,
        met or name.startswith("DINO"),
    )
    yield Row("one head off", where, milliseconds(times["one"]), beside)


def scores(name: str) -> Row:
    """Curves of one explanation and the band of 20 random orders."""
    experiment, asked = CASES[name]()
    removed: Any = "mean colour" if name.startswith("DINO") else "mean"
    explanation, plain = explain(experiment, asked), in_turns({"plain": plain_of(experiment)}, 2)["plain"]
    started = time.perf_counter()
    deletion_curve(experiment, asked, explanation.scores, removed=removed)
    random_band(experiment, asked, removed=removed)
    took = time.perf_counter() - started
    runs = cost(experiment, asked) + cost(experiment, asked, orders=20)
    return Row(
        "scores of one explanation and 20 random orders",
        f"{name}, {experiment.num_rows} tokens",
        f"{took:.1f} s for {runs} runs, as {1000 * took / plain:.0f} plain forward passes",
        f"plain forward {milliseconds(plain)}",
    )


def peak_of(way: str) -> int:
    """Bytes above the loaded model, of relevance at 1,024 tokens: ours, or with all attention matrices kept."""
    model: Any = load_model("smollm2-135m")
    ids = model.read("word " * LONG).ids[:LONG]
    given = model.with_written(model.read("word"), ids[1:])
    _tidy()
    before = resident("VmRSS")
    CLEAR.write_text("5")
    if way == "ours":
        experiment = Experiment(model, given)
        explain(experiment, target(experiment, Choice("next", LONG - 1)))
    else:
        network = transformers.AutoModelForCausalLM.from_config(model.network.config, attn_implementation="eager")
        network.load_state_dict(model.network.state_dict())
        network.eval().requires_grad_(False)
        _tidy()
        before = resident("VmRSS")
        CLEAR.write_text("5")
        embedded = network.get_input_embeddings()(torch.tensor([given.ids])).requires_grad_()
        outputs = network(inputs_embeds=embedded, output_attentions=True, use_cache=False)
        for weights in outputs.attentions:
            weights.retain_grad()
        outputs.logits[0, -1].max().backward()
        relevance = torch.eye(len(given.ids))
        for weights in outputs.attentions:
            relevance = relevance + (upcast(weights.grad[0]) * weights[0]).clamp(min=0).mean(dim=0).detach() @ relevance
    return resident("VmHWM") - before


def memory() -> Row:
    """The peak of relevance by weights and gradients, beside keeping all matrices."""
    ours, eager = (fresh(peak_of, way) for way in ("ours", "eager"))
    share = ours / eager
    figure = f"peak {megabytes(ours)} ({share:.2f} × eager)"
    return Row(
        "relevance", f"SmolLM2, {LONG:,} tokens", figure, f"eager {megabytes(eager)}", "0.35 × eager", share <= 0.35
    )


def press(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds from a press on a head to the new value: the median over heads from the first layer to the last one,
    each off by itself, and the most (the first layer's, whose change runs through all others)."""
    with visitor(browser) as page:
        page.goto(url)
        page.wait_for_selector(NUMBER, timeout=60_000)
        page.wait_for_selector(".js-plotly-plot .point", state="attached")
        page.wait_for_timeout(4_000)
        count = page.evaluate(f"({GRID})._fullData[0].x.length")
        times = list[float]()
        for head in range(0, count, count // PRESSES):
            times.append(_press(page, head))
            _press(page, head)  # on again
        return statistics.median(times), max(times)


def _press(page: Page, head: int) -> float:
    point = """head => {
        const plot = GRID;
        plot.scrollIntoView({block: 'center'});
        const box = plot.getBoundingClientRect(), { xaxis, yaxis } = plot._fullLayout, { x, y } = plot._fullData[0];
        return [box.left + xaxis._offset + xaxis.d2p(x[head]), box.top + yaxis._offset + yaxis.d2p(y[head])];
    }""".replace("GRID", GRID)
    page.evaluate(point, head)
    page.wait_for_timeout(1_500)
    x, y = page.evaluate(point, head)
    page.mouse.move(x, y)
    before = page.evaluate(VALUE)
    started = time.perf_counter()
    page.mouse.click(x, y)
    page.wait_for_function(f"before => {VALUE} !== before", arg=before)
    return 1000 * (time.perf_counter() - started)


def rows() -> Iterator[Row]:
    for name in CASES:
        say(f"effects: {name}")
        yield from heads(name)
    for name in ("DINOv2 at 224", "SmolLM2"):
        say(f"effects: scores, {name}")
        yield scores(name)
    if CLEAR.exists():
        say("effects: memory")
        yield memory()
    say("effects: the page")
    with app() as address, chromium() as browser:
        pages = {"": ".hl[data-painted]", "matter": NUMBER}
        times: dict[str, list[float]] = {page: [] for page in pages}
        for turn in range(1 + ROUNDS):
            for page, selector in pages.items():
                time_taken = first_picture(browser, f"{address}/{page}", selector)
                if turn:
                    times[page].append(time_taken)
        text, matter = (statistics.median(times[page]) for page in pages)
        met = matter <= text + 500
        yield Row(
            "first picture",
            "Does it matter?",
            milliseconds(matter),
            f"Text {milliseconds(text)}",
            "Text's + 500 ms",
            met,
        )
        for name, query in (("MiniLM", "sample=A%20pair"), ("SmolLM2", "kind=prompt")):
            took, most = press(browser, f"{address}/matter?{query}")
            figure = f"{milliseconds(took)}, in the first layer {milliseconds(most)}"
            yield Row("press on a head, to the new value", name, figure, aim="300 ms", met=took <= 300)


if __name__ == "__main__":
    print(markdown(rows()))
