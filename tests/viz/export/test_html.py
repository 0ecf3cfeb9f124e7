"""The explorer as one file: what it says of itself, what it may do, how large it is, and what is refused."""

import base64
import dataclasses
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
import torch

from headlens.model.attention.inputs import inputs_of_scores
from headlens.model.errors import HeadlensError
from headlens.model.huggingface.text.model import TransformersText
from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import offline
from headlens.viz.explorer.bundle import PLOTLY
from headlens.viz.export import html
from headlens.viz.export.html import explorer_html, html_size
from headlens.viz.view.view import View
from tests.recordings import random_recording
from tests.viz.hostile import HOSTILE

VIEW = View(1, 2, query=3)


class Page(HTMLParser):
    """What a browser reads: the elements, their attributes, and the text that stands in each before the next."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside = False
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[-1] += data

    def meta(self) -> dict[str | None, str | None]:
        """The contents by their names."""
        named = [attributes for tag, attributes in self.elements if tag == "meta"]
        return {each.get("name", each.get("http-equiv")): each.get("content") for each in named}

    def text(self, tag: str, **attributes: str) -> str:
        """What stands in the one element of a tag with these attributes."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}.items()
        (text,) = (
            text for (name, has), text in zip(self.elements, self.texts) if name == tag and wanted <= has.items()
        )
        return text


def made(recording: Recording, caption: str = "", **about: str) -> bytes:
    return explorer_html(RecordingEntry("an id", recording), VIEW, caption=caption, about=about)


def test_it_says_what_it_shows() -> None:
    page = Page(made(random_recording(), "What “it” looks at.", model="Random heads", revision="abc"))
    assert page.meta()["headlens:model"] == "Random heads"
    assert page.meta()["headlens:revision"] == "abc"
    assert page.text("p", class_="hl-caption") == "What “it” looks at."
    assert page.text("title") == "Headlens: Random heads"


def test_the_caption_can_be_left_out() -> None:
    assert b'<p class="hl-caption">' not in made(random_recording())


def test_it_may_load_nothing_and_run_its_own_script_alone() -> None:
    page = Page(made(random_recording()))
    policy = str(page.meta()["Content-Security-Policy"])
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    digest = base64.b64encode(hashlib.sha256(page.text("script", type="module").encode()).digest()).decode()
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}' blob:"
    assert "connect-src" not in rules
    linked = [has.get(name) for _, has in page.elements for name in ("src", "href") if has.get(name)]
    assert linked == ["data:,"]  # no icon is asked for


def test_what_strangers_wrote_is_text() -> None:
    recording = dataclasses.replace(random_recording(num_tokens=len(HOSTILE)), tokens=HOSTILE)
    plain = Page(made(random_recording(num_tokens=len(HOSTILE)), "caption", query="q"))
    for text in (*HOSTILE, "</script><script>alert(1)</script>", "$recording $script $$", "</p><p>"):
        page = Page(made(recording, text, query=text))
        assert [tag for tag, _ in page.elements] == [tag for tag, _ in plain.elements]
        assert page.meta()["headlens:query"] == text
        assert page.text("p", class_="hl-caption") == text
    description = dataclasses.replace(recording.model, title="<script>alert(1)</script>")
    page = Page(made(dataclasses.replace(recording, model=description)))
    assert page.text("title") == "Headlens: <script>alert(1)</script>"


def test_it_holds_plotly_and_everything_of_the_recording() -> None:
    recording = random_recording()
    page = Page(made(recording))
    plotly, everything = (
        gzip.decompress(base64.b64decode(page.text("script", id=id))) for id in ("plotly", "recording")
    )
    assert plotly == PLOTLY.read_bytes()
    assert everything == offline.everything(RecordingEntry("an id", recording), VIEW)


def test_two_files_of_one_view_are_the_same() -> None:
    assert made(random_recording()) == made(random_recording())
    page = Page(made(random_recording()))
    for id in ("plotly", "recording"):
        assert base64.b64decode(page.text("script", id=id))[4:8] == bytes(4)  # when it was packed (RFC 1952)


def test_a_sentence_takes_three_megabytes_at_most(trophy: Recording, pair: Recording) -> None:
    for recording in (trophy, pair):
        assert len(made(recording)) <= 3_000_000


@pytest.mark.parametrize("name", ["trophy", "coffee"])
def test_its_size_is_known_before(name: str, request: pytest.FixtureRequest) -> None:
    recording = request.getfixturevalue(name)
    assert html_size(recording) == pytest.approx(len(made(recording)), rel=0.25)


def test_the_size_of_a_model_with_shared_keys(smollm2: TransformersText) -> None:
    recording = smollm2.record("The capital of France is Paris, and that of Italy is Rome. " * 4)
    assert html_size(recording) == pytest.approx(len(made(recording)), rel=0.25)


def test_the_size_where_scores_or_masks_are_most_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without plotly.js, which would hide it."""
    monkeypatch.setattr(html, "_plotly", lambda: "")
    monkeypatch.setattr(html, "PLOTLY_LEFT", 0)
    generator = torch.Generator().manual_seed(1)
    tokens = 260
    long = random_recording(num_tokens=tokens, num_layers=4, d_head=32)
    scores = tuple(inputs_of_scores(torch.randn(3, tokens, tokens, generator=generator)) for _ in range(4))
    bias = torch.randn(1, tokens, tokens, generator=generator)  # one for all layers
    biased = tuple(dataclasses.replace(layer, mask=bias) for layer in long.layers)
    window = torch.zeros(1, tokens, tokens).masked_fill(torch.ones(tokens, tokens).tril(-9).bool(), -torch.inf)
    windowed = tuple(dataclasses.replace(layer, mask=window) for layer in long.layers)
    half = random_recording(num_tokens=tokens, num_layers=4, d_head=64, dtype=torch.bfloat16)
    for layers in (scores, biased, windowed, half.layers, random_recording("padding", num_tokens=tokens).layers):
        recording = dataclasses.replace(long, layers=layers)
        assert html_size(recording) == pytest.approx(len(made(recording)), rel=0.25)


def test_what_is_too_large_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "everything", lambda *_: pytest.fail("it was made"))
    monkeypatch.setattr(html, "LARGEST", 1_000_000)
    with pytest.raises(
        HeadlensError, match=r"^A file that explores all 7 tokens would take about 2 MB, and 1 MB is what"
    ):
        made(random_recording())


def test_the_view_that_it_opens_with_is_in_it() -> None:
    everything = gzip.decompress(base64.b64decode(Page(made(random_recording())).text("script", id="recording")))
    header = json.loads(everything[4 : 4 + int.from_bytes(everything[:4], "little")])
    assert header["header"]["view"] == {**dataclasses.asdict(VIEW), "queries": [], "heads": [], "pick": False}


def test_the_script_is_whole() -> None:
    """Nothing in it may end the element that it stands in."""
    script = Page(made(random_recording())).text("script", type="module")
    assert not re.search(r"</script|<!--|\r", script, re.IGNORECASE)
    assert script.endswith("$offline.default(document);\n")
