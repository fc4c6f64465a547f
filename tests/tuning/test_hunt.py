"""The hunt finds known optima of written landscapes, in any basin."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.tuning._hunt import Hunt, _corners

SIZE = 24


class Written:
    """A landscape of two functions: by how much the SLOs are broken, and a cost that is known or measured."""

    def __init__(self, cost, signed=lambda p: -1.0, *, sizes=(SIZE,) * 4, here=None, known=False, words=None):
        self._cost, self._signed, self._known = cost, signed, known
        self.sizes, self.words = sizes, words or [False] * len(sizes)
        self.here = here or tuple(n // 2 for n in sizes)
        self.seen = []

    def known(self, point):
        return self._cost(point) if self._known else 0.0

    def measure(self, points):
        assert not set(points) & set(self.seen)
        self.seen += points

    def tried(self):
        return self.seen

    def signed(self, point):
        return self._signed(point)

    def cost(self, point):
        return self._cost(point)


def bowl(lowest, steep=(1, 3, 0.5, 2)):
    return lambda p: 10 + sum(s * (x - c) ** 2 for s, x, c in zip(steep, p, lowest, strict=True))


def hunted(landscape, seed=1, first=()):
    hunt = Hunt(landscape, first, seed=seed)
    hunt.run()
    return hunt


@pytest.mark.parametrize("seed", range(3))
def test_the_bottom_of_a_bowl_is_found_within_130_tries_of_a_third_of_a_million(seed):
    lowest = tuple(np.random.default_rng(seed).integers(0, SIZE, 4).tolist())
    written = Written(bowl(lowest))
    assert hunted(written, seed).best() == lowest
    assert len(written.seen) <= 130


@pytest.mark.parametrize("seed", range(3))
def test_an_optimum_in_a_corner_that_shows_nowhere_else_is_found_and_the_other_basin_reported(seed):
    around, inside = bowl((15, 14, 16, 15)), bowl((4, 19, 3, 4))
    written = Written(
        lambda p: inside(p) - 5 if (p[0] < 8 and p[1] > 15 and p[2] < 8 and p[3] < 8) else around(p)
    )
    hunt = hunted(written, seed)
    assert hunt.best() == (4, 19, 3, 4)
    assert any(np.abs(np.subtract(point, (15, 14, 16, 15))).max() <= 4 for point in hunt.basins())


def test_the_cheapest_that_holds_is_found_on_the_edge_of_what_does():
    """Two resources that can stand in for each other: of all pairs, by trying each, one is the cheapest."""
    cost, signed = (lambda p: 3.0 * p[0] + 2.0 * p[1]), (lambda p: 60.0 / ((p[0] + 1) * (p[1] + 2)) - 1.0)
    written = Written(cost, signed, sizes=(SIZE, SIZE), here=(2, 2), known=True)
    best = hunted(written).best()
    every = [(a, b) for a in range(SIZE) for b in range(SIZE)]
    assert cost(best) == min(cost(p) for p in every if signed(p) <= 0)
    assert signed(best) <= 0
    assert len(written.seen) < 60  # of 576


def test_words_are_all_tried_and_have_no_order():
    worth = {0: 5.0, 1: 9.0, 2: 0.0, 3: 9.0}
    written = Written(
        lambda p: 10 + worth[p[0]] + (p[1] - 7) ** 2, sizes=(4, SIZE), here=(0, 20), words=[True, False]
    )
    assert hunted(written).best() == (2, 7)


def test_the_same_seed_tries_the_same_in_the_same_order():
    one, other = (Written(bowl((3, 20, 7, 11))) for _ in range(2))
    hunted(one, 5), hunted(other, 5)
    assert one.seen == other.seen


def test_what_is_given_first_is_tried_first_and_nothing_is_tried_of_what_cannot_move():
    written = Written(bowl((3, 20, 7, 11)))
    hunted(written, first=[(1, 2, 3, 4)])
    assert written.seen[:2] == [written.here, (1, 2, 3, 4)]
    fixed = Written(lambda p: 1.0, sizes=(1, 1), here=(0, 0))
    hunted(fixed)
    assert fixed.seen == [(0, 0)]


@pytest.mark.parametrize("axes", [1, 2, 5, 6, 8, 12])
def test_corners_are_all_up_to_six_axes_and_balanced_in_every_block_beyond(axes):
    corners = np.array(list(_corners([10] * axes, (5,) * axes, np.random.default_rng(1))))
    assert len(set(map(tuple, corners.tolist()))) == len(corners) == min(64, 2**axes)
    assert set(corners.ravel().tolist()) == {1, 8}
    if axes >= 6:
        assert (corners.mean(axis=0) == 4.5).all()
        blocks = corners.reshape(8, 8, axes)[:, :, :]
        assert ((blocks.mean(axis=1) == 4.5).sum(axis=1) >= 6).all()
