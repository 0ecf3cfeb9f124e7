"""What the browser is sent, beside BertViz 1.4.1's views of the same sentence and the same weights.

Headlens: what a new visitor's page receives until nothing more comes, without Streamlit's own files and Plotly's
script; then what it receives for another head. BertViz: the HTML of its head view and of its model view, without the
scripts that these fetch from elsewhere; each holds the weights of all heads from the start.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import torch
from bertviz import head_view, model_view
from playwright.sync_api import Browser, Page

from headlens.model import load_model
from headlens.model.pretrained.text_model import EncoderTextModel
from tests.benchmarks.cases import text_of
from tests.benchmarks.measure import Row, markdown, megabytes, say
from tests.benchmarks.pages import Wire, app, chromium, visitor, wait_for_picture

TOKENS = (128, 492)
AIM = 500_000
QUIET = 2_000  # milliseconds without a byte, after which nothing more is on its way
ANOTHER_HEAD = "document.querySelector('.hl').explorer.pin({ head: 7 })"


def rows() -> Iterator[Row]:
    model = load_model("minilm-l6", device="cpu")
    assert isinstance(model, EncoderTextModel)
    with app() as address, chromium() as browser:
        for num_tokens in TOKENS:
            say(f"peers: {num_tokens} tokens")
            text = text_of(model.tokenizer, num_tokens)
            first, head = received(browser, f"{address}/?{urlencode({'text': text})}", num_tokens)
            beside = "BertViz " + "; ".join(f"{name} {megabytes(size)}" for name, size in bertviz_views(model, text))
            of = f"Text, {num_tokens} tokens"
            yield Row("sent to the browser: first view", of, megabytes(first), beside, megabytes(AIM), first <= AIM)
            yield Row("sent to the browser: another head", of, megabytes(head))


def received(browser: Browser, url: str, num_tokens: int) -> tuple[int, int]:
    """Bytes of the first view, and of another head after it."""
    with visitor(browser) as page:
        wire = Wire(page)
        page.goto(url)
        wait_for_picture(page)
        settle(page, wire)
        assert page.locator(".hl-strip span").count() == num_tokens
        first = wire.bytes
        page.evaluate(ANOTHER_HEAD)
        settle(page, wire)
        return first, wire.bytes - first


def settle(page: Page, wire: Wire) -> None:
    """Until nothing has come for a while."""
    before = -1
    while wire.bytes != before:
        before = wire.bytes
        page.wait_for_timeout(QUIET)


def bertviz_views(model: EncoderTextModel, text: str) -> Iterator[tuple[str, int]]:
    """Bytes of BertViz's pages of all heads, by their names."""
    recording = model.record(text)
    weights = [torch.from_numpy(recording.attention(layer))[None] for layer in range(recording.num_layers)]
    views: dict[str, Callable] = {"head view": head_view, "model view": model_view}
    for name, view in views.items():
        html = view(weights, list(recording.tokens), html_action="return").data
        yield name, len(html.encode())


if __name__ == "__main__":
    print(markdown(rows()))
