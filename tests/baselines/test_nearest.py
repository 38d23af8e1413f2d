"""The nearest neighbour, against a search by hand."""

import numpy as np
import pytest

from kerasrnn.baselines import NearestNeighbour, whitening

RNG = np.random.default_rng(0)


def test_the_answer_is_that_of_the_direction_most_alike():
    known, asked = RNG.normal(size=(9, 4)) + 5, RNG.normal(size=(6, 4)) + 5
    away = known - known.mean(axis=0)
    for row, found in zip(asked, NearestNeighbour(known, range(9)).predict(asked), strict=True):
        d = row - known.mean(axis=0)
        cosines = [a @ d / np.linalg.norm(a) / np.linalg.norm(d) for a in away]
        assert found == int(np.argmax(cosines))


def test_a_grid_stands_for_its_mean():
    grid = RNG.normal(size=(5, 3, 4))
    by_mean = NearestNeighbour(grid.mean(axis=1), "abcde")
    assert NearestNeighbour(grid, "abcde").predict(grid[::-1]) == by_mean.predict(
        grid.mean(axis=1)[::-1]
    )


def test_whitened_features_are_uncorrelated_and_of_one_variance():
    known = RNG.normal(size=(20, 3)) @ RNG.normal(size=(3, 5)) + 7  # of rank 3
    for components in (2, 3, 4):
        white = (known - known.mean(axis=0)) @ whitening(known, components)
        there = np.arange(components) < 3
        np.testing.assert_allclose(white.T @ white, np.diag(there), atol=1e-9)


def test_whitened_the_nearest_is_that_of_mahalanobis_directions():
    known, asked = RNG.normal(size=(30, 4)) * [9, 1, 1, 0.1], RNG.normal(size=(6, 4))
    centre, inverse = known.mean(axis=0), np.linalg.inv(np.cov(known.T))
    found = NearestNeighbour(known, range(30), components=4).predict(asked)
    for row, got in zip(asked - centre, found, strict=True):
        cosines = [
            row @ inverse @ d / np.sqrt((row @ inverse @ row) * (d @ inverse @ d))
            for d in known - centre
        ]
        assert got == int(np.argmax(cosines))


def test_nothing_known_or_an_answer_too_few_is_refused():
    for features, answers in ((np.zeros((0, 2)), []), (np.zeros((2, 2)), ["a"])):
        with pytest.raises(ValueError, match="as many"):
            NearestNeighbour(features, answers)
