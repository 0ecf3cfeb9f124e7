"""Two recordings side by side, by plain loops and scipy."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

import headlens.model
from headlens.model.comparison.alignment import Alignment, align, of_groups, of_pairs
from headlens.model.comparison.comparison import Comparison, compare, jensen_shannon
from headlens.model.comparison.merged import Merged
from headlens.model.comparison.photos import part_boxes
from headlens.model.errors import InputError
from headlens.model.recording.parts import Photo
from headlens.model.recording.recording import Recording
from tests.recordings import random_recording

TEXT = "The naïve 機械 👩‍👩‍👧 שלום trophy does not fit."


def cut(text: str, places: list[int]) -> list[tuple[int, int]]:
    """Stretches of a text between places, spaces left out where they stand alone."""
    edges = sorted({0, len(text), *(place % len(text) for place in places)})
    return [(start, end) for start, end in itertools.pairwise(edges) if text[start:end].strip()]


def recording_of(
    tokens: list[str], spans: list[tuple[int, int] | None] | None = None, *, kind: str = "none", seed: int = 0
) -> Recording:
    """Random heads over these tokens."""
    recording = random_recording(kind, num_tokens=len(tokens))
    generator = torch.Generator().manual_seed(seed)
    layers = tuple(
        dataclasses.replace(layer, query=2 * torch.randn(layer.query.shape, generator=generator))
        for layer in recording.layers
    )
    offsets = () if spans is None else tuple(spans)
    return dataclasses.replace(
        recording, layers=layers, tokens=tuple(tokens), offsets=offsets, texts=() if spans is None else (TEXT,)
    )


def groups_of(alignment: Alignment) -> list[tuple[list[int], list[int]]]:
    return [
        tuple(np.flatnonzero(each.shares.toarray()[place]).tolist() for each in (alignment.a, alignment.b))  # type: ignore[misc]
        for place in range(len(alignment.names))
    ]


def by_hand(comparison: Comparison, layer: int, head: int) -> tuple[np.ndarray, float]:
    """The difference, and the divergence, by loops over groups."""
    groups = groups_of(comparison.alignment)
    count = len(groups)
    sides = []
    for side, recording in enumerate((comparison.a, comparison.b)):
        weights = recording.attention(layer, head).astype(float)
        places = np.zeros((count, count))
        for row, rows in enumerate(groups):
            for column, columns in enumerate(groups):
                for query in rows[side]:
                    places[row, column] += sum(weights[query, key] for key in columns[side]) / len(rows[side])
        sides.append(places)
    difference = np.full((count, count), np.nan)
    divergences = []
    for row, (own, theirs) in enumerate(groups):
        if not own or not theirs:
            continue
        difference[row] = sides[0][row] - sides[1][row]
        causal = [side for side, ats in enumerate((own, theirs)) if comparison_is_bound(comparison, side, layer, ats)]
        if not causal:
            divergences.append(jensenshannon(sides[0][row], sides[1][row], base=2) ** 2)
    return difference, float(np.mean(divergences)) if divergences else math.nan


def comparison_is_bound(comparison: Comparison, side: int, layer: int, ats: list[int]) -> bool:
    """Whether all of these tokens see one key alone."""
    recording = (comparison.a, comparison.b)[side]
    return all((recording.scores(layer, 0, at) > -1e30).sum() <= 1 for at in ats)


@settings(max_examples=60, deadline=None)
@given(
    first=st.lists(st.integers(1, 60), min_size=0, max_size=12),
    second=st.lists(st.integers(1, 60), min_size=0, max_size=12),
    kind=st.sampled_from(["none", "causal"]),
)
def test_one_text_under_two_tokenizers(first: list[int], second: list[int], kind: str) -> None:
    sides = []
    for seed, places in enumerate((first, second)):
        spans = cut(TEXT, places)
        names = ["[CLS]", *(TEXT[slice(*span)] for span in spans)]
        sides.append(recording_of(names, [None, *spans], kind=kind, seed=seed))
    comparison = compare(sides[0], sides[1])
    groups = groups_of(comparison.alignment)
    assert all(own and theirs for own, theirs in groups)
    # The smallest stretches that are whole tokens of both: they break where both do, and nowhere else.
    breaks = [{span[0] for span in side.offsets if span} for side in sides]
    solid = {at for at, character in enumerate(TEXT) if not character.isspace()}

    def parts(side: Recording, ats: list[int]) -> set[int]:
        return {index for at in ats if (span := side.offsets[at]) for index in range(*span)} & solid

    for own, theirs in groups[1:]:
        assert parts(sides[0], own) == parts(sides[1], theirs)
    assert len(groups) - 1 <= min(map(len, breaks))
    for weights in comparison.weights(1, 0):
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    difference, divergence = by_hand(comparison, 1, 2)
    np.testing.assert_allclose(comparison.difference(1, 2), difference, atol=1e-5)
    np.testing.assert_allclose(comparison.divergence[1, 2], divergence, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(first=st.text("abcde", min_size=1, max_size=9), second=st.text("abcdx", min_size=1, max_size=9))
def test_two_texts(first: str, second: str) -> None:
    a, b = recording_of(list(first)), recording_of(list(second), seed=1)
    one, other = compare(a, b), compare(b, a)
    assert sorted(groups_of(one.alignment)) == sorted(groups_of(other.alignment.swapped()))
    difference, divergence = by_hand(one, 0, 1)
    np.testing.assert_allclose(one.difference(0, 1), difference, atol=1e-5)
    np.testing.assert_allclose(one.divergence[0, 1], divergence, atol=1e-5)
    np.testing.assert_allclose(one.divergence, other.divergence, atol=1e-6)
    rows = one.difference(0, 1)[one.alignment.paired]
    np.testing.assert_allclose(rows.sum(axis=-1), 0, atol=1e-5)
    if not one.alignment.paired.any():
        assert all(map(math.isnan, one.unpaired(0, 1)))
        assert np.isnan(one.divergence).all()


def test_swapped_the_difference_is_negated() -> None:
    a, b = recording_of(list("abcd")), recording_of(list("abed"), seed=1)
    alignment = align(a, b)
    back = compare(b, a, alignment.swapped())
    np.testing.assert_allclose(back.difference(1, 0), -compare(a, b, alignment).difference(1, 0), atol=1e-6)


def test_equal_recordings_do_not_differ() -> None:
    recording = recording_of(list("abcabc"), kind="causal")
    comparison = compare(recording, recording)
    assert (comparison.divergence == 0).all()
    assert (comparison.difference(0, 0) == 0).all()
    assert comparison.unpaired(0, 0) == (0, 0)


def test_which_places_see_more_than_one_key() -> None:
    """As the divergence takes them: a place of two positions is free where one is."""
    causal, open_ = recording_of(["a", "b", "c"], kind="causal"), recording_of(["a", "b", "c"])
    groups = [((0,), (0,)), ((1,), (1,)), ((2,), ()), ((), (2,))]
    assert compare(causal, open_, of_groups(causal, open_, groups)).beside(0, 1).free.tolist() == [0, 1, 0, 0]
    groups = [((0, 1), (0,)), ((2,), (1, 2))]
    assert compare(causal, open_, of_groups(causal, open_, groups)).beside(0, 1, (1, 0)).free.tolist() == [1, 1]
    assert compare(open_, causal).beside(0, 1).free.tolist() == [0, 1, 1]


def test_one_disturbed_head_is_found() -> None:
    """In the last layer: all before it is the same to the bit, and in its own layer that head alone differs."""
    a = recording_of(list("abcdef"))
    query = a.layers[1].query.clone()
    query[2] += 1
    b = dataclasses.replace(a, layers=(a.layers[0], dataclasses.replace(a.layers[1], query=query)))
    divergence = compare(a, b).divergence
    assert (divergence[0] == 0).all()
    assert (divergence[1, :2] == 0).all()
    assert divergence[1, 2] > 0.01


def test_heads_of_models_of_other_sizes() -> None:
    a, b = recording_of(list("abcd")), recording_of(list("abcd"))
    b = dataclasses.replace(b, layers=b.layers[::-1] * 2)
    comparison = compare(a, b)
    with pytest.raises(InputError, match="ask for matches"):
        _ = comparison.divergence
    matches = comparison.matches()
    assert matches.shape == (2, 3, 4, 3)
    for layer, head in np.ndindex(2, 3):
        assert matches[layer, head, 1 - layer, head] == pytest.approx(0, abs=1e-7)
        best = matches[layer, head].min()
        assert best == matches[layer, head, 1 - layer, head]
    heads, divergence = comparison.partners()
    assert [tuple(heads[at]) for at in np.ndindex(2, 3)] == [(1 - layer, head) for layer, head in np.ndindex(2, 3)]
    np.testing.assert_array_equal(divergence, matches.min(axis=(2, 3)))
    assert matches[0, 1, 0, 2] == pytest.approx(comparison.between((0, 1), (0, 2)))
    assert matches[0, 1, 0, 2] > 0.01


@given(
    rows=st.integers(1, 4),
    keys=st.integers(1, 6),
    seed=st.integers(0, 10_000),
    zeros=st.booleans(),
)
def test_the_divergence_is_scipy_s(rows: int, keys: int, seed: int, zeros: bool) -> None:
    generator = np.random.default_rng(seed)
    pair = generator.random((2, rows, keys)) * (generator.random((2, rows, keys)) > (0.5 if zeros else -1))
    pair = np.where(pair.sum(axis=-1, keepdims=True) == 0, 1.0, pair)
    pair /= pair.sum(axis=-1, keepdims=True)
    expected = [jensenshannon(one, other, base=2) ** 2 for one, other in zip(*pair)]
    np.testing.assert_allclose(jensen_shannon(*pair), np.nan_to_num(expected), atol=1e-7)


def photo(grid: tuple[int, int], window: tuple[float, float, float, float], prefix: tuple[str, ...]) -> Recording:
    count = len(prefix) + grid[0] * grid[1]
    recording = recording_of([*prefix, *(f"{index}" for index in range(grid[0] * grid[1]))], seed=count)
    pixels = np.zeros((28, 42, 3), np.uint8)
    return dataclasses.replace(recording, photo=Photo(pixels, 1.5, grid, window), prefix_tokens=len(prefix))


def test_patches_by_the_area_that_they_share() -> None:
    a = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]",))
    b = photo((3, 2), (0.25, 0.0, 1.0, 1.0), ("[CLS]", "[REG0]"))
    comparison = compare(a, b)
    for weights in comparison.weights(0, 0):
        filled = weights[weights.sum(axis=-1) > 0]
        np.testing.assert_allclose(filled.sum(axis=-1), 1, atol=1e-5)
    # On a grid of 24 x 6 pixels each weight is spread evenly over its patch.
    pictures = []
    for recording in (a, b):
        assert recording.photo is not None
        top = recording.photo.window[0]
        rows, columns = recording.photo.grid
        weights = recording.attention(1, 2, 0)[recording.prefix_tokens :].reshape(rows, columns)
        height = round(24 * (1 - top))
        pixels = np.repeat(np.repeat(weights, height // rows, 0), 6 // columns, 1) / (height // rows * (6 // columns))
        pictures.append(np.vstack([np.zeros((24 - height, 6)), pixels]))
    before = [recording.attention(1, 2, 0)[: recording.prefix_tokens] for recording in (a, b)]
    one = np.concatenate([[before[0][0], 0.0], pictures[0].ravel()])
    other = np.concatenate([before[1], pictures[1].ravel()])
    own, theirs = (each[0] for each in comparison.weights(1, 2))
    np.testing.assert_allclose(jensen_shannon(own, theirs), jensen_shannon(one, other), atol=1e-6)
    np.testing.assert_allclose(compare(b, a).divergence, comparison.divergence, atol=1e-6)


def check_counterparts(alignment: Alignment) -> None:
    """By loops: the largest share decides, places that both have come first, then the order."""
    sides = [each.shares.toarray() for each in (alignment.a, alignment.b)]
    for side, (own, other) in enumerate((sides, sides[::-1])):
        for position in range(own.shape[1]):
            places = [place for place in range(len(own)) if own[place, position] > 0]
            shared = [place for place in places if other[place].any()]
            main = max(shared or places, key=lambda place: own[place, position])  # the first of equal ones
            assert alignment.main_places[side][position] == main
            partner = int(other[main].argmax()) if shared else -1
            assert alignment.counterparts[side][position] == partner
        for place, shares in enumerate(own):
            assert alignment.main_positions[side][place] == (shares.argmax() if shares.any() else -1)


@settings(max_examples=40, deadline=None)
@given(first=st.text("abcd", min_size=1, max_size=7), second=st.text("abcx", min_size=1, max_size=7))
def test_the_counterpart_of_a_token(first: str, second: str) -> None:
    check_counterparts(align(recording_of(list(first)), recording_of(list(second))))


def test_the_counterpart_of_one_of_several() -> None:
    a, b = recording_of(list("abcde")), recording_of(list("vwxyz"))
    groups = [((0, 1), (0,)), ((2,), (1, 2, 3)), ((3,), ()), ((), (4,)), ((4,), ())]
    alignment = of_groups(a, b, groups)
    check_counterparts(alignment)
    assert [side.tolist() for side in alignment.counterparts] == [[0, 0, 1, -1, -1], [0, 2, 2, 2, -1]]


def test_the_counterpart_of_a_patch() -> None:
    a = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]",))
    b = photo((3, 2), (0.25, 0.0, 1.0, 1.0), ("[CLS]", "[REG0]"))
    alignment = align(a, b)
    check_counterparts(alignment)
    # A's left patch of the first row reaches from 0 to 1/2; B's begins at 1/4 and has left patches half as wide as all.
    assert alignment.counterparts[0][1] == 2
    assert alignment.counterparts[1][1] == -1  # A has no register


def test_where_the_parts_of_photos_lie() -> None:
    a = photo((2, 3), (0.0, 0.0, 1.0, 0.75), ("[CLS]",))
    b = photo((3, 2), (0.25, 0.0, 1.0, 1.0), ("[CLS]", "[REG0]"))
    alignment, boxes = align(a, b), part_boxes(a, b)
    assert len(boxes) == len(alignment.names) - 2
    for places, recording in ((alignment.a, a), (alignment.b, b)):
        assert recording.photo is not None
        top, left, bottom, right = recording.photo.window
        rows, columns = recording.photo.grid
        for patch, shares in enumerate(places.shares.toarray()[2:, recording.prefix_tokens :].T):
            row, column = divmod(patch, columns)
            edges = [
                top + row * (bottom - top) / rows,
                left + column * (right - left) / columns,
                top + (row + 1) * (bottom - top) / rows,
                left + (column + 1) * (right - left) / columns,
            ]
            own = boxes[shares > 0]
            np.testing.assert_allclose([*own[:, :2].min(axis=0), *own[:, 2:].max(axis=0)], edges)
            areas = (own[:, 2] - own[:, 0]) * (own[:, 3] - own[:, 1])
            np.testing.assert_allclose(areas / areas.sum(), shares[shares > 0])


def test_the_same_grid_has_the_same_patches() -> None:
    a = photo((2, 3), (0.0, 0.0, 1.0, 1.0), ("[CLS]",))
    comparison = compare(a, a)
    assert comparison.alignment.names == a.tokens
    np.testing.assert_array_equal(comparison.weights(0, 1)[0], a.attention(0, 1))


def test_an_alignment_of_one_s_own() -> None:
    a, b = recording_of(list("abc")), recording_of(list("xyz"))
    alignment = of_pairs(a, b, [(0, 0), (2, 1)])
    assert groups_of(alignment) == [([0], [0]), ([1], []), ([2], [1]), ([], [2])]
    for pairs in ([(0, 1), (1, 0)], [(0, 0), (0, 1)], [(0, 3)], [(-1, 0)]):
        with pytest.raises(InputError, match="in order on both sides"):
            of_pairs(a, b, pairs)


def test_a_photo_and_a_text_are_not_compared() -> None:
    with pytest.raises(InputError, match="two texts or two photos"):
        compare(recording_of(["a"]), photo((1, 1), (0.0, 0.0, 1.0, 1.0), ()))


def test_of_one_shape_each_head_is_beside_itself() -> None:
    comparison = compare(recording_of(list("abcd")), recording_of(list("abed"), seed=1))
    steps: list[tuple[int, int]] = []
    heads, divergence = comparison.partners(lambda done, total: steps.append((done, total)))
    assert all(tuple(heads[at]) == at for at in np.ndindex(2, 3))
    np.testing.assert_array_equal(divergence, comparison.divergence)
    assert steps == [(done, 6) for done in range(1, 7)]


def test_special_places() -> None:
    a, b = recording_of(["[CLS]", "a", "[SEP]"]), recording_of(["[CLS]", "a", "b"])
    a = dataclasses.replace(a, special=np.array([True, False, True]))
    comparison = compare(a, dataclasses.replace(b, special=np.array([True, False, False])))
    assert dict(zip(comparison.alignment.names, comparison.special)) == {
        "[CLS]": True,
        "a": False,
        "[SEP]": True,
        "b": False,
    }


def cross_attention() -> Recording:
    """Three tokens that look at five others."""
    keys, queries = recording_of(list("vwxyz")), recording_of(list("abc"), seed=1)
    layers = tuple(
        dataclasses.replace(own, key=theirs.key, value=theirs.value)
        for own, theirs in zip(queries.layers, keys.layers, strict=True)
    )
    return dataclasses.replace(
        queries, layers=layers, keys=dataclasses.replace(keys, words=(0, 0, 1, 2, 2)), words=(0, 0, 1)
    )


def test_cross_attention_is_merged_and_not_compared() -> None:
    recording = cross_attention()
    weights = recording.attention(1, 2)
    groups = [0, 1], [2], [3, 4]
    expected = [[weights[own][:, other].sum(axis=-1).mean() for other in groups] for own in ([0, 1], [2])]
    np.testing.assert_allclose(recording.merged("words").attention(1, 2), expected, atol=1e-6)
    for pair in ((recording, recording), (recording_of(["a"]), recording)):
        with pytest.raises(InputError, match="Cross-attention is not compared"):
            compare(*pair)


def test_only_words_are_merged() -> None:
    with pytest.raises(InputError, match="merged into “words”, not into 'letters'"):
        recording_of(["a"]).merged("letters")


def test_compare_is_a_name_of_the_package() -> None:
    assert headlens.model.compare is compare
    from headlens.model import compare as again  # also once its module has been imported

    assert again is compare


@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=9), kind=st.sampled_from(["none", "causal"]))
def test_words(words: list[int | None], kind: str) -> None:
    recording = dataclasses.replace(recording_of([*"abcdefghi"][: len(words)], kind=kind), words=tuple(words))
    merged = recording.merged("words")
    assert isinstance(merged, Merged)
    groups: list[list[int]] = []
    for token, word in enumerate(words):
        if token and word is not None and word == words[token - 1]:
            groups[-1].append(token)
        else:
            groups.append([token])
    assert [list(group) for group in merged.groups] == groups
    weights = recording.attention(1)
    expected = [
        [[weights[head][own][:, other].sum(axis=-1).mean() for other in groups] for own in groups] for head in range(3)
    ]
    np.testing.assert_allclose(merged.attention(1), expected, atol=1e-6)
    np.testing.assert_allclose(merged.attention(1).sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(merged.attention(1, 2, 0), merged.attention(1)[2, 0], atol=1e-6)
    for ask in (merged.scores, merged.query, merged.key, merged.value):
        with pytest.raises(InputError, match="Words have weights alone"):
            ask(0)
