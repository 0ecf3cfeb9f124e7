"""Where a look at a recording starts: the same on a page, on a recording opened again, and in a notebook."""

from pathlib import Path

import pytest

from headlens.model.huggingface.text.model import TransformersText
from headlens.model.recording.recording import Recording
from headlens.viz.notebook.start import view_of
from headlens.viz.view.start import first_view
from tests.viz.pages.apps import errors, open_text, run, view


@pytest.mark.parametrize("written", [0, 3])
def test_what_is_read_from_left_to_right(written: int, smollm2: TransformersText, tmp_path: Path) -> None:
    text = "The capital of France is"
    recording = smollm2.write(text, written) if written else smollm2.record(text)
    read = smollm2.record(text).num_tokens
    at = (recording.num_layers // 2, 0, read) if written else (0, 0, read - 1)
    first = first_view(recording)
    assert (first.layer, first.head, first.query) == at
    assert view_of(recording, {}) == first
    recording.save(tmp_path / "saved.safetensors")
    app = open_text()
    (field,) = (each for each in app.file_uploader if each.key == "text_recording")
    content = (tmp_path / "saved.safetensors").read_bytes()
    field.set_value([("saved.safetensors", content, "application/octet-stream")])
    run(app)
    assert (errors(app), view(app)) == ([], at)
    if not written:
        assert view(open_text(model="smollm2-135m", text=text)) == at


def test_what_is_read_at_once(trophy: Recording, coffee: Recording) -> None:
    first = first_view(trophy)
    assert (first.layer, first.query) == (0, 1)
    rows, columns = coffee.grid or (0, 0)
    first = first_view(coffee)
    middle = coffee.prefix_tokens + rows // 2 * columns + columns // 2
    assert (first.layer, first.query) == (coffee.num_layers // 2, middle)
