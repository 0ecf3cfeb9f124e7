"""What the explorer is sent: decoded, it is the recording's own numbers."""

import dataclasses
import io
import json

import numpy as np
import pytest
from PIL import Image

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.explorer import payload
from headlens.viz.explorer.packing import pack
from headlens.viz.figures.labels import categories
from headlens.viz.theme import DARK, HEAT, LIGHT, lookup_table
from headlens.viz.view.tiles import matrix_tiles
from headlens.viz.view.view import Direction, View
from headlens.viz.view.visible import visible
from tests.masks import KINDS
from tests.recordings import random_recording
from tests.viz.explorer.payloads import Payload, unpack
from tests.viz.hostile import HOSTILE

TEXT = View(3, 1, query=11, matrix=True)
PHOTO = View(11, 4, query=1 + 6 * 24 + 8)
SPECIAL = dataclasses.replace(random_recording(), special=np.arange(7) % 6 == 0)
ROUNDING = {"trophy": 5e-6, "coffee": 3e-4}  # of float32: DINOv2's scores go up to 220


@pytest.fixture(params=["trophy", "coffee"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def recording(name: str, request: pytest.FixtureRequest) -> Recording:
    return request.getfixturevalue(name)


@pytest.fixture
def view(name: str) -> View:
    return TEXT if name == "trophy" else PHOTO


def built(recording: Recording, view: View, full: bool = True, hover: bool = True, **rest: object) -> Payload:
    entry = RecordingEntry(str(rest.pop("id", "an id")), recording)
    return unpack(payload.build(entry, view, link="A link.", full=full, hover=hover, **rest))  # type: ignore[arg-type]


def column_or_row(weights: np.ndarray, view: View) -> np.ndarray:
    return weights[..., view.query, :] if view.direction == "at" else weights[..., view.query]


def test_packed_arrays_come_back_in_their_types() -> None:
    arrays: dict[str, np.ndarray] = {
        "a": np.arange(5, dtype=np.uint8),
        "b": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3).T,
    }
    result = unpack(pack({"name": "“ü”"}, arrays | {"empty": np.zeros(0, np.uint8)}))
    assert result.header["name"] == "“ü”"
    assert result.arrays["a"].tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(result.arrays["b"].reshape(3, 2), arrays["b"])
    assert result.arrays["empty"].size == 0


def test_the_header_says_what_each_position_is(recording: Recording, view: View) -> None:
    header = built(recording, view, id="this one").header
    assert header["id"] == "this one"
    assert header["view"] == {**dataclasses.asdict(view), "queries": [], "heads": [], "pick": False}
    assert header["wordIds"] == [-1 if word is None else word for word in recording.words]
    assert header["tokens"] == list(recording.tokens)
    assert header["special"] == [int(flag) for flag in recording.special]
    assert (header["layers"], header["heads"], header["prefix"]) == (
        recording.num_layers,
        recording.num_heads,
        recording.prefix_tokens,
    )
    assert header["grid"] == (None if recording.grid is None else list(recording.grid))
    assert header["aspect"] == (None if recording.photo is None else recording.photo.aspect)
    assert header["link"] == "A link."


@pytest.mark.parametrize("head", [(0, 0), (5, 3)])
def test_a_head_s_weights_follow_from_its_queries_and_keys(
    head: tuple[int, int], name: str, recording: Recording, view: View
) -> None:
    result = built(recording, dataclasses.replace(view, layer=head[0], head=head[1])).weights()
    np.testing.assert_allclose(result, recording.attention(*head), atol=ROUNDING[name], rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_made_head_s_weights_follow_too(kind: str) -> None:
    recording = random_recording(kind)
    for layer, head in [(0, 0), (1, 2)]:
        result = built(recording, View(layer, head, query=3)).weights()
        np.testing.assert_allclose(result, recording.attention(layer, head), atol=3e-6, rtol=0)


@pytest.mark.parametrize("direction", ["at", "by"])
def test_every_head_is_previewed_in_levels(direction: Direction, name: str, recording: Recording, view: View) -> None:
    view = dataclasses.replace(view, direction=direction)
    result = built(recording, view)
    expected = np.stack([column_or_row(recording.attention(layer), view) for layer in range(recording.num_layers)])
    ordinary = ~recording.special
    tops = expected[..., ordinary].max(axis=-1)
    np.testing.assert_allclose(result.arrays["tops"], tops.ravel(), atol=ROUNDING[name], rtol=0)
    off = np.abs(result.preview() - expected)
    assert (off[..., ordinary] <= tops[..., None] / 255 / 2 + ROUNDING[name]).all()
    assert off[..., recording.special].max() <= ROUNDING[name]
    levels = result.arrays["preview"].reshape(expected.shape)
    assert ((levels[..., ordinary].max(axis=-1) == 255) | (tops < 1e-11)).all()


def test_where_all_tokens_are_special_the_preview_is_exact() -> None:
    recording = dataclasses.replace(random_recording(), special=np.ones(7, dtype=bool))
    result = built(recording, View(0, 0, query=2))
    np.testing.assert_allclose(result.preview()[1], recording.attention(1, query=2), atol=1e-6)


@pytest.mark.parametrize("direction", ["at", "by"])
def test_a_photo_s_first_message_has_one_row_alone(direction: Direction, coffee: Recording) -> None:
    view = dataclasses.replace(PHOTO, direction=direction)
    first, then = (built(coffee, view, hover=hover) for hover in (False, True))
    assert not {"query", "key", "lse", "matrix"} & first.arrays.keys()
    assert "row" not in then.arrays
    expected = column_or_row(coffee.attention(11, 4), view)
    for result in (first, then):
        np.testing.assert_allclose(result.seen(), expected, atol=ROUNDING["coffee"], rtol=0)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("hover", [True, False])
def test_what_was_left_out_is_still_to_be_asked_for(full: bool, hover: bool, coffee: Recording) -> None:
    header = built(coffee, PHOTO, full, hover).header
    assert header["more"] == (not (full and hover))
    assert bool(header["words"]) == full
    assert header["words"] == "" or "patch (6, 8)" in header["words"]


def test_the_figure_waits_for_its_weights(trophy: Recording) -> None:
    header = built(trophy, TEXT).header
    (data,) = header["figure"]["data"]
    assert not {"z", "customdata"} & data.keys()
    assert data["x"] == data["y"] == categories(trophy.tokens)
    assert header["figure"]["name"] == "headlens-layer3-head1"
    (box,) = header["figure"]["layout"]["shapes"]
    assert (box["y0"], box["y1"]) == (10.5, 11.5)
    assert (
        built(trophy, dataclasses.replace(TEXT, scope="all", reduction="max")).header["figure"]["name"]
        == "headlens-all-max"
    )
    assert built(trophy, dataclasses.replace(TEXT, matrix=False)).header["figure"] is None


def test_a_folded_out_matrix_brings_a_photo_s_queries_and_keys(coffee: Recording) -> None:
    result = built(coffee, dataclasses.replace(PHOTO, matrix=True), hover=False)
    assert result.header["figure"]["data"][0]["x"][:2] == ["0 · [CLS]", "1 · (0, 0)"]
    assert {"query", "key", "lse"} <= result.arrays.keys()


def test_logarithmic_colours_span_four_decades(trophy: Recording) -> None:
    (data,) = built(trophy, dataclasses.replace(TEXT, log=True)).header["figure"]["data"]
    top = np.log10(trophy.attention(3, 1)[:, 1:-1].max())
    assert (data["zmin"], data["zmax"]) == (pytest.approx(top - 4), pytest.approx(top))


def test_the_photo_travels_as_a_file(coffee: Recording) -> None:
    assert coffee.photo is not None
    file = Image.open(io.BytesIO(built(coffee, PHOTO).arrays["photo"].tobytes()))
    assert file.format == "JPEG"
    assert np.abs(np.asarray(file).astype(int) - coffee.photo.pixels).mean() < 4


def test_a_text_s_heads_travel_as_tiles(trophy: Recording) -> None:
    result = built(trophy, TEXT)
    assert result.header["side"] == 17
    tiles, tops = zip(*(matrix_tiles(trophy.attention(layer), trophy.special) for layer in range(6)))
    np.testing.assert_array_equal(result.arrays["tiles"].reshape(6, 12, 17, 17), np.stack(tiles))
    np.testing.assert_allclose(result.arrays["tileTops"].reshape(6, 12), np.stack(tops), rtol=1e-6)


def test_recordings_of_one_size_have_tiles_of_their_own() -> None:
    other = dataclasses.replace(SPECIAL, layers=SPECIAL.layers[::-1])
    one, two = (built(recording, View(0, 0, query=1)).arrays["tiles"] for recording in (SPECIAL, other))
    assert (one != two).any()


def test_the_colours_are_the_theme_s(trophy: Recording) -> None:
    arrays = built(trophy, TEXT).arrays
    for name, colours in {"heatTable": HEAT, "lightTable": LIGHT.weights, "darkTable": DARK.weights}.items():
        np.testing.assert_array_equal(arrays[name].reshape(256, 3), lookup_table(colours))


def test_the_heads_come_in_the_asked_order() -> None:
    weights = np.stack([SPECIAL.attention(layer) for layer in range(2)]).astype(float)
    measures: dict[str, np.ndarray] = {
        "special": weights[..., [0, 6]].sum(axis=-1).mean(axis=-1),
        "key": weights[:, :, 3, 5],
        "spread": np.exp(-(weights * np.log(weights)).sum(axis=-1)).mean(axis=-1),
    }
    for order, measured in measures.items():
        result = built(SPECIAL, View(0, 0, query=3, key=5, order=order)).header["order"]
        assert [tuple(head) for *head, _ in result] == sorted(np.ndindex(2, 3), key=lambda head: -measured[head])
        assert [value for *_, value in result] == pytest.approx(sorted(measured.ravel(), reverse=True), rel=1e-5)
    plain = built(SPECIAL, View(0, 0, query=3)).header["order"]
    assert [tuple(head) for *head, _ in plain] == list(np.ndindex(2, 3))


def test_what_is_to_be_saved_comes_along(trophy: Recording) -> None:
    assert built(trophy, TEXT).header["save"] is None
    assert built(trophy, TEXT, save={"name": "a"}).header["save"] == {"name": "a"}


def test_hostile_tokens_travel_as_they_are_to_be_read() -> None:
    recording = dataclasses.replace(random_recording(num_tokens=len(HOSTILE)), tokens=HOSTILE)
    header = built(recording, View(0, 0, query=1, matrix=True)).header
    assert header["tokens"] == [visible(token) for token in HOSTILE]
    assert not any("<" in written for written in header["figure"]["data"][0]["x"])


def test_nothing_in_the_header_is_beyond_json(coffee: Recording) -> None:
    """JavaScript's reader refuses NaN and Infinity."""
    for view in (PHOTO, dataclasses.replace(PHOTO, order="spread", matrix=True)):
        json.dumps(built(coffee, view).header, allow_nan=False)


def test_what_the_page_has_is_left_out(name: str, recording: Recording, view: View) -> None:
    first, again = (built(recording, view, sent=sent) for sent in (False, True))
    whole, rest = first.arrays, again.arrays
    lasting = {"tiles" if name == "trophy" else "photo", "heatTable", "lightTable", "darkTable"}
    assert set(whole) - set(rest) == lasting
    assert (first.header["sent"], again.header["sent"]) == (False, True)
    for array in rest:
        np.testing.assert_array_equal(rest[array], whole[array])
