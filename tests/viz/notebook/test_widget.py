"""The widget from Python: its view, what it is told, and what it answers with."""

import base64
import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headlens.model.analysis.joint import joined, last_word
from headlens.model.errors import HeadlensError, InputError
from headlens.model.recording.recording import Recording
from headlens.viz.explorer.bundle import PLOTLY
from headlens.viz.explorer.payload import build
from headlens.viz.notebook import widget as module
from headlens.viz.notebook.widget import ExplorerWidget
from headlens.viz.view.view import View
from tests.model.huggingface.caption_models import load, save
from tests.model.huggingface.image_models import PHOTO
from tests.paths import ROOT
from tests.recordings import random_recording
from tests.viz.explorer.payloads import unpack
from tests.viz.hostile import HOSTILE

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def widget() -> ExplorerWidget:
    """Of a random recording of 2 layers, 3 heads and 7 tokens."""
    return random_recording().explore(layer=1, head=2, query=3)


@pytest.fixture
def sent(widget: ExplorerWidget, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """The messages that the widget sends from now on, with their bytes."""
    messages: list[tuple[Any, Any]] = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: messages.append((content, buffers)))
    return messages


def told(widget: ExplorerWidget, **state: object) -> None:
    """What comes when the explorer has changed its states."""
    widget.set_state(dict(state))


def as_built(widget: ExplorerWidget) -> bytes:
    """The payload that the page would send of the same view."""
    return build(widget.entry, widget.view, link="", full=True, hover=True)


def test_the_view_is_read_and_set(widget: ExplorerWidget) -> None:
    assert widget.view == View(1, 2, 3)
    assert widget.payload == as_built(widget)
    before = widget.payload
    widget.view = dataclasses.replace(widget.view, head=np.int64(0), direction="by")  # type: ignore[arg-type]
    assert widget.view == View(1, 0, 3, direction="by")
    assert type(widget.view.head) is int
    assert before != widget.payload == as_built(widget)
    assert unpack(widget.payload).header["view"]["head"] == 0


def test_the_weights_that_it_shows_are_the_recording_s() -> None:
    recording = random_recording("causal")
    shown = unpack(recording.explore(1, 2, 3).payload)
    np.testing.assert_allclose(shown.weights(), recording.attention(1, 2), atol=1e-6)


def test_several_tokens_and_heads() -> None:
    recording, heads = random_recording(), [(0, 1), (1, 2)]
    widget = recording.explore(queries=[4, 1, 2], heads=heads, reduction="max", direction="by")
    assert widget.view == View(0, 1, 1, "heads", "max", "by", queries=(1, 2, 4), heads=((0, 1), (1, 2)))
    weights = np.maximum(recording.attention(0, 1), recording.attention(1, 2))
    np.testing.assert_allclose(unpack(widget.payload).seen(), weights[:, [1, 2, 4]].sum(axis=1), atol=1e-6)
    told(widget, _pinned={**dataclasses.asdict(widget.view), "queries": [1, 2], "heads": [[0, 1], [1, 0], [1, 2]]})
    assert (widget.view.queries, widget.view.heads) == ((1, 2), ((0, 1), (1, 0), (1, 2)))
    widget.view = dataclasses.replace(widget.view, query=5)  # that one alone
    assert widget.view.chosen == (5,)
    picture = recording.figure("heatmap", 1, 2, queries=np.array([3, 4, 6]))
    assert [(shape.y0, shape.y1) for shape in picture.layout.shapes] == [(2.5, 4.5), (5.5, 6.5)]


def test_a_caption_starts_at_its_last_word(tmp_path: Path) -> None:
    model = load(save(tmp_path, "vit-gpt2"))
    recording = model.record(PHOTO, count=3)
    cross = joined(recording.of("cross"))
    widget = recording.of("cross").explore()
    assert widget.view == View(1, 0, query=last_word(cross))
    np.testing.assert_allclose(unpack(widget.payload).weights(), cross.attention(1, 0), atol=1e-5)
    assert unpack(recording.explore().payload).header["grid"] == [4, 4]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"head": 3}, "head must be a whole number from 0 to 2, not 3."),
        ({"layer": -1}, "layer must be a whole number from 0 to 1, not -1."),
        ({"query": "it"}, "query must be a whole number from 0 to 6, not 'it'."),
        ({"query": True}, "query must be a whole number from 0 to 6, not True."),
        ({"direction": "up"}, "direction must be one of at, by, not 'up'."),
        ({"strenght": 3}, "A view has no 'strenght'; it has layer, head, "),
        ({"queries": [1, 7]}, "queries must be a whole number from 0 to 6, not 7."),
        ({"queries": "1-2"}, "queries must be a whole number from 0 to 6, not '1-2'."),
        ({"queries": []}, "queries must be 1 to 1,024 positions, in at most 100 runs."),
        ({"queries": [1, 2], "query": 3}, "query must be one of queries, not 3."),
        ({"heads": [(1, 3)]}, "head must be a whole number from 0 to 2, not 3."),
        ({"heads": [1, 2]}, "heads must be 1 to 256 pairs of a layer and a head, not [1, 2]."),
        ({"heads": 3}, "heads must be 1 to 256 pairs of a layer and a head, not 3."),
        ({"heads": [(0, 1), (1, 1)], "layer": 1, "head": 2}, "layer and head must be one of heads."),
    ],
)
def test_a_view_that_the_recording_does_not_have_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as error:
        random_recording().explore(**fields)
    assert str(error.value).startswith(says)


def test_a_refused_view_changes_nothing(widget: ExplorerWidget) -> None:
    before = widget.payload
    with pytest.raises(InputError):
        widget.view = dataclasses.replace(widget.view, layer=2)
    assert (widget.view, widget.payload) == (View(1, 2, 3), before)


def test_what_is_pinned_in_the_explorer_is_the_view(widget: ExplorerWidget) -> None:
    seen: list[View] = []
    widget.observe(lambda change: seen.append(change["new"]), "view")
    told(widget, _pinned={**dataclasses.asdict(widget.view), "head": 1, "matrix": True, "at": 5, "has": "x"})
    assert seen == [widget.view] == [View(1, 1, 3, matrix=True)]
    assert widget.payload == as_built(widget)
    assert unpack(widget.payload).header["figure"] is not None


def test_nonsense_from_the_explorer_changes_nothing(widget: ExplorerWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[object] = []
    monkeypatch.setattr(widget, "send_state", answers.append)
    told(widget, _pinned={"layer": 9, "head": [], "direction": {}, "query": -1, "log": "yes"})
    assert widget.view == View(1, 2, 3)
    assert answers == ["payload"]  # it waits for one


def test_a_picture_is_saved_as_on_the_page(widget: ExplorerWidget, sent: list) -> None:
    told(widget, _wanted={"name": "bars", "format": "svg", "at": 7, "theme": "dark"})
    ((message, _),) = sent
    assert message["is"] == "saved"
    assert {name: message["saved"][name] for name in ("name", "format", "at")} == {
        "name": "headlens-notebook-layer1-head2-bars",
        "format": "svg",
        "at": 7,
    }
    told(widget, _wanted={"name": "nothing", "format": "svg", "at": 8})
    assert len(sent) == 1


def test_plotly_comes_from_the_kernel_when_it_is_asked_for(widget: ExplorerWidget, sent: list) -> None:
    for message in ({"want": "everything"}, "plotly", None):
        widget._handle_custom_msg(message, [])
    assert sent == []
    widget._handle_custom_msg({"want": "plotly"}, [])
    assert sent == [({"is": "plotly"}, [PLOTLY.read_bytes()])]


def test_hostile_tokens_are_text_in_every_output() -> None:
    recording = dataclasses.replace(random_recording(num_tokens=len(HOSTILE)), tokens=HOSTILE)
    for query in range(len(HOSTILE)):
        output = module.picture_bundle(recording.explore(query=query).entry, View(0, 0, query), "mark")
        tag = str(output["text/html"])
        assert tag.count("<") == tag.count(">") == 1
        assert tag.count('"') == 10  # of its five attributes
    script = ExplorerWidget.__dict__["_esm"]
    assert script.count("innerHTML") == 1  # of explorer.html


def test_the_bundle_has_the_widget_and_a_picture(trophy: Recording) -> None:
    for shown in (trophy, trophy.explore(3, 1, 11)):
        bundle: Any = shown._repr_mimebundle_()
        data = bundle[0]
        assert data[WIDGET]["model_id"]
        assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 600
        assert "minilm-l6" in data["text/plain"]


def test_the_picture_is_of_the_view_that_is_seen_now(monkeypatch: pytest.MonkeyPatch, trophy: Recording) -> None:
    displayed: list[tuple[dict, dict]] = []
    monkeypatch.setattr(module, "display", lambda data, **options: displayed.append((data, options)))
    monkeypatch.setattr(module, "get_ipython", lambda: type("Shell", (), {"kernel": None})())
    shown = trophy.explore(3, 1, 11)
    shown._ipython_display_()
    (picture, how), (live, _) = displayed
    assert set(picture) == {"text/html", "text/plain"}
    assert picture["text/plain"] == "Layer 3, head 1: what “it” looks at"
    assert WIDGET in live
    assert "image/png" not in live  # else it would be there twice where no widget can be
    shown.view = dataclasses.replace(shown.view, head=4)
    newer, again = displayed[2]
    assert newer["text/plain"] == "Layer 3, head 4: what “it” looks at"
    assert (how["display_id"], how["update"]) == (again["display_id"], not again["update"])


def test_a_terminal_gets_words(trophy: Recording) -> None:
    with pytest.raises(NotImplementedError):  # so IPython goes on
        trophy._ipython_display_()


def test_a_recording_from_a_file_is_explored_too(tmp_path: Path) -> None:
    recording = random_recording()
    recording.save(tmp_path / "random.safetensors")
    again = Recording.load(tmp_path / "random.safetensors").explore(1, 2, 3)
    np.testing.assert_array_equal(unpack(again.payload).weights(), unpack(recording.explore(1, 2, 3).payload).weights())


def test_a_photo_starts_in_its_middle(coffee: Recording) -> None:
    shown = unpack(coffee.explore().payload)
    rows, columns = shown.header["grid"]
    assert shown.header["tokens"][shown.header["view"]["query"]] == f"({rows // 2}, {columns // 2})"
    assert shown.header["more"] is False
    assert "query" in shown.arrays


def test_what_is_let_go_is_let_go() -> None:
    """The entries that explorers share hold no recording that nobody else has."""
    from headlens.viz.notebook import start

    recording = random_recording()
    entry = start.entry_of(recording)
    assert start.entry_of(recording) is entry
    before = len(start._entries)
    del recording
    assert len(start._entries) == before - 1


@pytest.mark.parametrize("missing", ["anywidget", "headlens.viz"])
def test_without_the_extra_one_sentence_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("headlens.viz.notebook", missing))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    recording = random_recording()
    with pytest.raises(HeadlensError) as error:
        recording.explore()
    assert str(error.value) == 'To see a recording in a notebook, install what draws it: pip install -e ".[notebook]"'
    assert recording._repr_mimebundle_() == {"text/plain": repr(recording)}
    assert recording._display_() == repr(recording)
    with pytest.raises(NotImplementedError):
        recording._ipython_display_()


def test_streamlit_is_not_imported() -> None:
    code = """
import sys
import headlens.viz.notebook.widget, headlens.viz.notebook.figures
from tests.recordings import random_recording
recording = random_recording()
recording.explore(matrix=True)._repr_mimebundle_(), recording.figure("heatmap")
print([name for name in sys.modules if name.partition(".")[0] == "streamlit"])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_model_imports_nothing_that_draws() -> None:
    drawing = {"anywidget", "ipywidgets", "IPython", "plotly", "streamlit"}
    code = f"""
import sys
from headlens.model.recording.recording import Recording
print({drawing} & {{name.partition(".")[0] for name in sys.modules}})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
