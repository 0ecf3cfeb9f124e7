"""How long How it works takes: a run measured part by part beside a plain one, its first picture beside Text's."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Browser

from headlens.model import load_model
from headlens.model.trace.anatomy import Anatomy
from tests.benchmarks.measure import Row, in_turns, markdown, milliseconds, say
from tests.benchmarks.pages import app, chromium, visitor

SECONDS = 15  # of each case
ROUNDS = 7
WORDS = "Heads look at words, and words look back at other words. "
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "MiniLM": ("minilm-l6", WORDS * 60, {}),
    "SmolLM2": ("smollm2-135m", WORDS * 40, {}),
    "DINOv2 at 448": ("dinov2-focus", "assets/samples/coffee.jpg", {"size": 448}),
}
PICTURES = {"": ".hl[data-painted]", "how": "[data-testid=stPlotlyChart] .main-svg"}  # what is drawn first, by its page


def taken_apart(name: str, model_name: str, source: Any, options: dict[str, Any]) -> Row:
    """Runs of all layers, a token's steps in one of them, and a run without positions."""
    model: Any = load_model(model_name)
    recording, model_input = model.record(source, **options), model.read(source, **options)
    anatomy = Anatomy(model, model_input, recording)
    residual, layer, order = anatomy.residual_stream(), recording.num_layers // 2, np.arange(recording.num_tokens)

    @torch.inference_mode()
    def plain() -> object:
        return model.network(**model.inputs(model_input))

    times = in_turns(
        {
            "plain": plain,
            "walk": anatomy.residual_stream,
            "steps": lambda: anatomy.token_trace(residual, layer, recording.layers[layer], query=5),
            "without": lambda: anatomy.run_reordered(recording.num_layers - 1, order, positions=False),
        },
        SECONDS,
    )
    return Row(
        "taken apart",
        f"{name}, {recording.num_tokens:,} tokens",
        f"all layers {milliseconds(times['walk'])} ({times['walk'] / times['plain']:.2f} × plain); a token's steps "
        f"{milliseconds(times['steps'])}; without positions {milliseconds(times['without'])}",
        f"plain forward {milliseconds(times['plain'])}",
    )


def first_picture(browser: Browser, url: str, selector: str) -> float:
    """Milliseconds from the address to the first picture, in a fresh visitor's browser."""
    with visitor(browser) as page:
        started = time.perf_counter()
        page.goto(url)
        page.wait_for_selector(selector, timeout=60_000)
        return 1000 * (time.perf_counter() - started)


def rows() -> Iterator[Row]:
    for name, case in CASES.items():
        say(f"how it works: {name}")
        yield taken_apart(name, *case)
    say("how it works: first picture")
    with app() as address, chromium() as browser:
        times: dict[str, list[float]] = {page: [] for page in PICTURES}
        for turn in range(1 + ROUNDS):
            for page, selector in PICTURES.items():
                time_taken = first_picture(browser, f"{address}/{page}", selector)
                if turn:  # the first one warms the server
                    times[page].append(time_taken)
    text, how = (statistics.median(times[page]) for page in PICTURES)
    yield Row("first picture", "How it works", milliseconds(how), f"Text {milliseconds(text)}", "Text's", how <= text)


if __name__ == "__main__":
    print(markdown(rows()))
