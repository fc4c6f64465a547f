"""A Gaussian process in numpy: what evaluations made so far say of settings not yet tried.

Matérn 5/2 with a length for each axis (Rasmussen & Williams, "Gaussian Processes for Machine Learning",
2006); lengths are those of the highest likelihood among a few, sought one axis at a time. Points lie in
[0, 1] on each axis; the values of an axis of words are all equally far apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_LENGTHS = np.array([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4])
_USUAL = 2  # the length that is taken to be likely where evaluations do not tell
_NUGGET = 1e-4
_FITTED = 64


@dataclass(frozen=True)
class Surrogate:
    """A fitted process: mean and deviation at points, and how alike two points are."""

    points: np.ndarray
    words: np.ndarray
    lengths: np.ndarray
    centre: float
    scale: float
    weights: np.ndarray
    inverse: np.ndarray

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give the mean and the standard deviation at each point."""
        near = self.alike(points, self.points)
        mean = self.centre + near @ self.weights
        left = 1.0 + _NUGGET - np.einsum("ij,ij->i", near @ self.inverse, near)
        return mean, self.scale * np.sqrt(np.maximum(left, 1e-9))

    def alike(self, one: np.ndarray, other: np.ndarray) -> np.ndarray:
        """Give the correlation of each point of `one` with each of `other`."""
        return _matern(_gaps(one, other, self.words), _LENGTHS[self.lengths])


def fit(
    points: np.ndarray, values: np.ndarray, words: np.ndarray, *, like: Surrogate | None = None
) -> Surrogate:
    """Fit a process to evaluations, starting from the lengths of an earlier fit."""
    some = _telling(values)
    lengths = _likely(
        _gaps(points[some], points[some], words),
        values[some],
        np.full(points.shape[1], _USUAL) if like is None else like.lengths,
    )
    matrix = _correlations(_gaps(points, points, words), lengths)
    inverse = np.linalg.inv(matrix)
    centre, scale = _level(values, inverse @ values, inverse.sum(axis=0))
    return Surrogate(points, words, lengths, centre, scale, inverse @ (values - centre), inverse)


def _telling(values: np.ndarray) -> np.ndarray:
    """Choose the evaluations that lengths are fitted to: the best, and others evenly, few enough."""
    ranked = np.argsort(values, kind="stable")
    if len(ranked) <= _FITTED:
        return ranked
    rest = ranked[_FITTED // 2 :]
    return np.concatenate([ranked[: _FITTED // 2], rest[:: math.ceil(2 * len(rest) / _FITTED)]])


def _likely(gaps: np.ndarray, values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Move one length after another to where the evaluations are likelier."""
    lengths, best = lengths.copy(), _unlikely(gaps, values, lengths)
    for axis in range(len(lengths)):
        for step in (1, -1):
            while 0 <= lengths[axis] + step < len(_LENGTHS):
                moved = lengths.copy()
                moved[axis] += step
                value = _unlikely(gaps, values, moved)
                if value >= best - 1e-9:
                    break
                lengths, best = moved, value
    return lengths


def _gaps(one: np.ndarray, other: np.ndarray, words: np.ndarray) -> np.ndarray:
    gaps = one[:, None, :] - other[None, :, :]
    if words.any():
        gaps[..., words] = gaps[..., words] != 0
    return gaps * gaps


def _matern(squares: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    r = np.sqrt(5.0 * (squares @ lengths**-2.0))
    return (1.0 + r + r * r / 3.0) * np.exp(-r)


def _correlations(gaps: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    matrix = _matern(gaps, _LENGTHS[lengths])
    matrix[np.diag_indices_from(matrix)] += _NUGGET
    return matrix


def _level(values: np.ndarray, solved: np.ndarray, ones: np.ndarray) -> tuple[float, float]:
    """Give centre and scale of the values, from the inverse of the correlations times values and times 1."""
    centre = float(values @ ones / ones.sum())
    spread = float(values @ solved - centre * ones @ values) / len(values)
    return centre, float(np.sqrt(max(spread, 1e-12)))


def _unlikely(gaps: np.ndarray, values: np.ndarray, lengths: np.ndarray) -> float:
    matrix = _correlations(gaps, lengths)
    solved = np.linalg.solve(matrix, np.column_stack([values, np.ones_like(values)]))
    determinant = 2.0 * float(np.log(np.diag(np.linalg.cholesky(matrix))).sum())
    doubt = 0.5 * float(((lengths - _USUAL) ** 2).sum())
    return len(values) * math.log(_level(values, *solved.T)[1]) + 0.5 * determinant + doubt
