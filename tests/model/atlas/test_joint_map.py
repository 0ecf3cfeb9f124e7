"""The joint map of queries and keys: weights that it does not change, and distances that fall with them."""

import builtins
from importlib import util

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax
from scipy.stats import spearmanr

from headlens.model.atlas import neighbours
from headlens.model.atlas.atlas import Vectors
from headlens.model.atlas.joint_map import LINKS, SCALES, agreement, joint_map, normalised, pairs_of, strongest_links
from headlens.model.errors import InputError

INPUTS, LENGTH, WIDTH = 4, 9, 8


def vectors_of(seed: int = 0, apart: float = 3.0) -> Vectors:
    """Of random inputs, keys far from queries."""
    chance = np.random.default_rng(seed)
    query, key = chance.normal(size=(2, INPUTS * LENGTH, WIDTH)).astype(np.float32)
    numbers, positions = np.divmod(np.arange(INPUTS * LENGTH), LENGTH)
    return Vectors(query, key + np.float32(apart), numbers * 5, positions)


@pytest.mark.parametrize("causal", [False, True])
def test_pairs_have_the_weights_of_each_input(causal: bool) -> None:
    vectors = vectors_of()
    pairs = pairs_of(vectors, causal=causal)
    found = np.zeros((INPUTS * LENGTH,) * 2)
    found[pairs.query, pairs.key] = pairs.weight
    for number in range(INPUTS):
        own = slice(number * LENGTH, (number + 1) * LENGTH)
        scores = vectors.query[own] @ vectors.key[own].T / np.sqrt(WIDTH)
        if causal:
            scores[np.triu_indices(LENGTH, 1)] = -np.inf
        np.testing.assert_allclose(found[own, own], softmax(scores, axis=1), atol=1e-6)
        found[own, own] = 0
    assert not found.any(), "pairs are of one input"


def test_the_normalisation_changes_no_weight_and_brings_near_what_gets_much() -> None:
    for seed in range(4):
        vectors = vectors_of(seed)
        pairs = pairs_of(vectors)
        query, key, scale = normalised(vectors, pairs)
        np.testing.assert_allclose(query / scale, vectors.query, rtol=1e-5)
        moved = vectors._replace(query=query, key=key)
        np.testing.assert_allclose(pairs_of(moved).weight, pairs.weight, atol=1e-5)
        before, after = agreement(vectors.query, vectors.key, pairs), agreement(query, key, pairs)
        assert after < before - 0.02, "keys that lie far off hide what a distance says"
        apart = cdist(query, key)[pairs.query, pairs.key]
        assert after == pytest.approx(spearmanr(apart, pairs.weight).statistic)


def after(vectors: Vectors) -> float:
    pairs = pairs_of(vectors)
    query, key, _ = normalised(vectors, pairs)
    return agreement(query, key, pairs)


def test_neither_a_scale_nor_a_shift_that_change_no_weight_change_how_true_it_is() -> None:
    vectors = vectors_of(apart=0.0)
    unequal = vectors._replace(query=vectors.query / 8, key=vectors.key * 8)
    far = vectors._replace(key=vectors.key + np.float32(30))
    for same in (unequal, far):
        pairs = pairs_of(same)
        np.testing.assert_allclose(pairs.weight, pairs_of(vectors).weight, atol=1e-5)
        assert agreement(same.query, same.key, pairs) > after(vectors) + 0.1
        assert after(same) == pytest.approx(after(vectors), abs=2e-3)


def test_the_papers_shift_is_taken_where_it_is_the_best() -> None:
    """Queries lie at 10 and around it in a dimension that keys have nothing to say of; at the origin keys are far."""
    vectors, chance = vectors_of(apart=0.0), np.random.default_rng(7)
    own, zeros = 10 + chance.normal(size=(len(vectors.query), 1)), np.zeros((len(vectors.key), 1))
    scale = np.float32(np.sqrt((WIDTH + 1) / WIDTH))  # so that no weight changes
    vectors = vectors._replace(
        query=np.hstack([vectors.query * scale, own]).astype(np.float32),
        key=np.hstack([vectors.key, zeros]).astype(np.float32),
    )
    pairs = pairs_of(vectors)
    query, key, factor = normalised(vectors, pairs)
    np.testing.assert_allclose(key.mean(axis=0) * factor, vectors.query.mean(axis=0), atol=1e-5)
    at_the_origin = vectors.key - vectors.key.mean(axis=0)
    others = [agreement(vectors.query * each, at_the_origin / each, pairs) for each in SCALES]
    assert agreement(query, key, pairs) < min(others) - 0.02


def test_the_map_is_the_best_plane_and_says_how_true_it_is() -> None:
    vectors = vectors_of()
    found = joint_map(vectors)
    pairs = pairs_of(vectors)
    query, key, scale = normalised(vectors, pairs)
    points = np.concatenate([query, key])
    covariance = np.cov(points.T)
    kept = np.concatenate([found.query, found.key])
    centred = points - points.mean(axis=0)
    plane = centred @ np.linalg.svd(centred.astype(np.float64))[2][:2].T
    np.testing.assert_allclose(kept * np.sign((kept * plane).sum(axis=0)), plane, atol=1e-4)
    np.testing.assert_allclose(kept.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(kept.var(axis=0, ddof=1), np.linalg.eigvalsh(covariance)[::-1][:2], rtol=1e-4)
    assert found.scale == scale
    assert found.before == agreement(vectors.query, vectors.key, pairs)
    assert found.in_space == agreement(query, key, pairs) < found.before
    assert found.in_plane == agreement(found.query, found.key, pairs)
    apart = cdist(found.query, found.key)[pairs.query, pairs.key]
    assert found.in_plane == pytest.approx(spearmanr(apart, pairs.weight).statistic)
    assert found.compared == len(pairs.query)


@pytest.mark.parametrize("causal", [False, True])
def test_the_strongest_links_of_a_point_are_in_its_own_input(causal: bool) -> None:
    vectors, at = vectors_of(), 2 * LENGTH + 4
    own = np.arange(2 * LENGTH, 3 * LENGTH)
    scores = vectors.query[own] @ vectors.key[own].T / np.sqrt(WIDTH)
    if causal:
        scores[np.triu_indices(LENGTH, 1)] = -np.inf
    weights = softmax(scores, axis=1)
    for kind, given in (("query", weights[4]), ("key", weights[:, 4])):
        links = strongest_links(vectors, kind, at, causal=causal)  # type: ignore[arg-type]
        seen = own if not causal else own[:5] if kind == "query" else own[4:]
        assert [link.other for link in links] == sorted(seen, key=lambda index: -given[index - own[0]])[:LINKS]
        assert [link.weight for link in links] == pytest.approx(sorted(given, reverse=True)[: len(links)])


def test_tsne_keeps_neighbours_together_and_is_the_same_each_time() -> None:
    chance = np.random.default_rng(1)
    middles = np.repeat(20 * np.eye(WIDTH)[:INPUTS], LENGTH, axis=0)
    query, key = (chance.normal(size=(2, INPUTS * LENGTH, WIDTH)) + middles).astype(np.float32)
    vectors = vectors_of()._replace(query=query, key=key)
    found, again = joint_map(vectors, method="tsne"), joint_map(vectors, method="tsne")
    np.testing.assert_array_equal(found.query, again.query)
    nearest = cdist(found.query, found.key).argmin(axis=1) // LENGTH
    assert (nearest == np.arange(INPUTS * LENGTH) // LENGTH).mean() > 0.9


def test_what_no_map_can_be_made_of(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Vectors(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0, int), np.zeros(0, int))
    with pytest.raises(InputError, match="holds no queries and keys"):
        joint_map(nothing)
    monkeypatch.setattr(neighbours, "find_spec", lambda name: None if name == "sklearn" else util.find_spec(name))
    with pytest.raises(InputError, match="needs scikit-learn"):
        joint_map(vectors_of(), method="tsne")
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        assert not name.startswith("sklearn")
        return real(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    assert len(joint_map(vectors_of()).query) == INPUTS * LENGTH, "PCA needs numpy alone"


def test_one_dimension_is_laid_on_a_line() -> None:
    vectors = vectors_of()
    flat = joint_map(vectors._replace(query=vectors.query[:, :1], key=vectors.key[:, :1]))
    assert (flat.query[:, 1] == 0).all()
