"""The page How it works: its steps, their numbers, and what its address changes."""

from streamlit.testing.v1 import AppTest

from tests.viz.panels.apps import SECONDS, run


def open_how(**address: str) -> AppTest:
    """The page How it works under an address; photos with few patches."""

    def script() -> None:
        from viz.panels import how_page

        how_page.page()

    app = AppTest.from_function(script, default_timeout=SECONDS)
    app.query_params.update(({"size": "224"} if address.get("kind") == "image" else {}) | address)
    return run(app)


def test_it_opens_on_the_first_step() -> None:
    app = open_how()
    print([t.value for t in app.text], [c.value for c in app.caption])
