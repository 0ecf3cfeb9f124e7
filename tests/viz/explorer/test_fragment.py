"""The explorer and the address: what the visitor pins is written there, and nothing else is."""

import numpy as np

from headlens.model.recording.recording import Recording
from tests.viz.pages.apps import address, open_image, open_text, shown, tell, view


def test_a_pin_goes_into_the_address_and_comes_back() -> None:
    app = open_text(sample="Keys", layer="2")
    pinned = {**shown(app).header["view"], "layer": 4, "head": 7, "query": 2, "direction": "by", "matrix": False}
    tell(app, view=pinned)
    assert address(app) == {
        "sample": "Keys",
        "layer": "4",
        "head": "7",
        "query": "2",
        "direction": "by",
        "matrix": "0",
    }
    assert shown(app).header["view"] == pinned
    assert shown(open_text(**address(app))).header["view"] == pinned


def test_what_is_as_at_the_start_leaves_the_address() -> None:
    app = open_text(layer="2", of="all-max")
    tell(app, view={**shown(app).header["view"], "layer": 3, "scope": "head"})
    assert address(app) == {}


def test_nonsense_from_the_browser_opens_the_start() -> None:
    app = tell(
        open_text(), view={"layer": True, "head": "x", "query": 10**9, "scope": [], "direction": {}, "log": "yes"}
    )
    assert (view(app), address(app)) == ((3, 1, 11), {})


def test_a_photo_s_queries_and_keys_come_when_asked_for(coffee: Recording) -> None:
    app = open_image()
    assert shown(app).header["more"] is True
    tell(app, more=shown(app).header["id"])
    result = shown(app)
    assert result.header["more"] is False
    assert result.header["words"] != ""
    np.testing.assert_allclose(result.weights(), coffee.attention(11, 4), atol=3e-4)


def test_a_figure_to_save_comes_once() -> None:
    app = tell(open_text(), save={"name": "bars", "format": "svg", "at": 5})
    assert shown(app).header["save"]["name"] == "headlens-text-layer3-head1-bars"
    app.run()
    assert shown(app).header["save"] is None
    assert shown(tell(app, save={"name": "nothing", "format": "svg", "at": 6})).header["save"] is None
