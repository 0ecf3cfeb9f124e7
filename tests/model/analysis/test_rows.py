"""How rows compare, against torch and by hand."""

import numpy as np
import torch

from headlens.model.analysis.rows import cosines, cosines_over_layers, nearest, neighbours, principal_filters


def test_cosines_are_torchs() -> None:
    rows = np.random.default_rng(1).normal(size=(3, 5, 8))
    expected = torch.cosine_similarity(torch.from_numpy(rows), torch.from_numpy(rows[0, 0]), dim=-1)
    np.testing.assert_allclose(cosines(rows, rows[0, 0]), expected.numpy(), atol=1e-12)
    assert cosines(np.zeros((1, 4)), np.ones(4)).tolist() == [0]


def test_principal_filters_are_the_eigenvectors_of_the_covariance() -> None:
    spread = np.arange(1, 13)[::-1]  # no two directions alike
    filters = np.random.default_rng(2).normal(size=(400, 3, 2, 2)) * spread.reshape(3, 2, 2) + 5
    found = principal_filters(filters, 4)
    assert found.shape == (4, 3, 2, 2)
    _, vectors = np.linalg.eigh(np.cov(filters.reshape(400, 12).T))
    for number, component in enumerate(found.reshape(4, 12)):
        assert abs(component @ vectors[:, -1 - number]) > 0.999999


def test_how_a_row_moves() -> None:
    stream = np.random.default_rng(3).normal(size=(4, 6, 5))
    began, beside, all_ = cosines_over_layers(stream, 2, np.array([1, 3]))
    own = torch.from_numpy(stream)
    for layer in range(4):
        to = torch.cosine_similarity(own[layer], own[layer, 2], dim=-1).numpy()
        np.testing.assert_allclose(beside[layer], (to[1] + to[3]) / 2, atol=1e-12)
        np.testing.assert_allclose(all_[layer], to.mean(), atol=1e-12)
        np.testing.assert_allclose(began[layer], torch.cosine_similarity(own[layer, 2], own[0, 2], dim=0), atol=1e-12)


def test_neighbours() -> None:
    assert neighbours(5, 0).tolist() == [1]
    assert neighbours(5, 3).tolist() == [2, 4]
    assert neighbours(1, 0).tolist() == []
    grid = (2, 3)  # 0 is [CLS]; 1 2 3 over 4 5 6
    assert neighbours(7, 5, prefix_tokens=1, grid=grid).tolist() == [2, 4, 6]
    assert neighbours(7, 3, prefix_tokens=1, grid=grid).tolist() == [2, 6]
    assert neighbours(7, 0, prefix_tokens=1, grid=grid).tolist() == [1, 2, 3, 4, 5, 6]


def test_the_nearest_rows_of_a_table() -> None:
    table = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    table[3] = 0  # a padding token's row: it is like none
    indices, similarity = nearest(table, 5, 4)
    expected = torch.cosine_similarity(table, table[5][None], dim=1)
    assert indices.tolist() == expected.topk(4).indices.tolist()
    np.testing.assert_allclose(similarity, expected.topk(4).values, atol=1e-6)
    assert nearest(table, 3, 100)[1].tolist() == [0.0] * 40
