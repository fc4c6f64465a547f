"""The surrogate goes through what was tried, doubts what lies far away, and sees which axes matter."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.tuning._surrogate import fit

RNG = np.random.default_rng(3)
POINTS = RNG.random((40, 3))
NUMBERS = np.zeros(3, dtype=bool)


def smooth(points):
    return np.sin(3 * points[:, 0]) + points[:, 1] ** 2


def test_tried_points_are_met_and_new_ones_are_near():
    model = fit(POINTS, smooth(POINTS), NUMBERS)
    mean, spread = model.predict(POINTS)
    assert mean == pytest.approx(smooth(POINTS), abs=0.01)
    new = RNG.random((50, 3))
    there, doubt = model.predict(new)
    assert np.abs(there - smooth(new)).max() < 0.15
    assert doubt.mean() > 3 * spread.mean()


def test_an_axis_that_moves_nothing_gets_a_longer_length_than_one_that_does():
    model = fit(POINTS, smooth(POINTS), NUMBERS)
    assert model.lengths[2] > model.lengths[0]


def test_the_formula_is_that_of_a_gaussian_process_with_the_matern_kernel():
    values = smooth(POINTS)
    model = fit(POINTS, values, NUMBERS)
    scale = np.array([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])[model.lengths]

    def kernel(a, b):
        r = np.linalg.norm((a - b) / scale) * 5**0.5
        return (1 + r + r * r / 3) * np.exp(-r)

    covariance = np.array([[kernel(a, b) for b in POINTS] for a in POINTS]) + 1e-4 * np.eye(len(POINTS))
    new = np.array([0.3, 0.6, 0.1])
    near = np.array([kernel(new, p) for p in POINTS])
    ones = np.ones(len(POINTS))
    centre = (ones @ np.linalg.solve(covariance, values)) / (ones @ np.linalg.solve(covariance, ones))
    expected = centre + near @ np.linalg.solve(covariance, values - centre)
    assert model.predict(new[None, :])[0][0] == pytest.approx(expected, rel=1e-6)


def test_words_are_equally_far_apart():
    words = np.array([True])
    points = np.array([[0.0], [0.5], [1.0]])
    model = fit(points, np.array([1.0, 5.0, 2.0]), words)
    alike = model.alike(points, points)
    assert alike[0, 1] == alike[0, 2] == alike[1, 2] < 1
