"""Draws: the published generator, the same luck whatever else happens, and tables drawn as declared."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference import draws as reference
from workbench.twin import draws

GOLDEN = 0x9E3779B97F4A7C15
# The first outputs for the states 0 and 1234567, as printed with other implementations of splitmix64.
PUBLISHED = {
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F],
    1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423],
}


@pytest.mark.parametrize("state", PUBLISHED)
def test_mixing_gives_the_published_numbers_of_splitmix64(state: int):
    states = [(state + step * GOLDEN) % 2**64 for step in range(3)]
    assert [int(draws.mixed(np.uint64(x))) for x in states] == PUBLISHED[state]
    assert [reference.splitmix(x) for x in states] == PUBLISHED[state]


@pytest.mark.parametrize("seed", [0, 1, 2**63 - 1])
def test_many_uniforms_at_once_are_those_drawn_one_by_one(seed: int):
    at_once = draws.uniforms(seed, draws.TRANSIT, 500)
    singly = [draws.uniform(root_key(seed, i), draws.TRANSIT) for i in range(500)]
    assert at_once.tolist() == singly
    expected = [
        reference.uniform(reference.splitmix(reference.splitmix(seed) ^ i), reference.TRANSIT)
        for i in range(500)
    ]
    assert at_once.tolist() == expected


def test_uniforms_do_not_depend_on_how_many_are_asked_for():
    assert np.array_equal(draws.uniforms(7, 1, 10), draws.uniforms(7, 1, 10_000)[:10])


def test_uniforms_are_uniform():
    """Counts in 64 equal cells have χ² about 63 ± √126; all values lie in [0, 1)."""
    u = draws.uniforms(5, draws.BEFORE, 200_000)
    assert 0 <= u.min() < u.max() < 1
    counts = np.bincount((u * 64).astype(int), minlength=64)
    expected = u.size / 64
    assert abs(((counts - expected) ** 2 / expected).sum() - 63) < 4 * np.sqrt(126)


def test_neighbours_in_seed_request_call_attempt_and_purpose_are_independent():
    """Correlations of n independent pairs are within 4/√n of 0."""
    n = 20_000
    key = [root_key(3, i) for i in range(n + 1)]
    base = np.array([draws.uniform(k, draws.BEFORE) for k in key])
    others = {
        "seed": draws.uniforms(4, draws.BEFORE, n + 1),
        "request": np.roll(base, -1),
        "purpose": draws.uniforms(3, draws.AFTER, n + 1),
        "first call": children_of(key, 0, 0),
        "second call": children_of(key, 1, 0),
        "second attempt": children_of(key, 0, 1),
    }
    names = list(others)
    table = np.corrcoef(np.vstack([base[:n], *(others[name][:n] for name in names)]))
    assert np.abs(table - np.eye(len(table))).max() < 4 / np.sqrt(n)


def test_table_is_linear_between_its_points_and_constant_at_its_ends():
    table = np.array([1.0, 2.0, 4.0, 8.0])  # at probabilities 1/8, 3/8, 5/8, 7/8
    expected = {0.0: 1.0, 0.125: 1.0, 0.25: 1.5, 0.375: 2.0, 0.5: 3.0, 0.75: 6.0, 0.875: 8.0, 0.999: 8.0}
    for u, value in expected.items():
        assert draws.from_table(table, u) == value


def test_table_of_one_point_is_a_constant():
    assert [draws.from_table(np.array([3.0]), u) for u in (0.0, 0.5, 0.999)] == [3.0, 3.0, 3.0]


def test_drawing_from_the_table_of_a_sample_gives_its_distribution_back():
    """Kolmogorov's distance of 50,000 draws to the sample is below 1.63/√n in 99 of 100 cases."""
    sample = np.random.default_rng(8).lognormal(-2.0, 0.8, 40_000)
    table = draws.quantile_table(sample)
    assert table.size == draws.POINTS
    drawn = np.sort([draws.from_table(table, u) for u in draws.uniforms(9, draws.BEFORE, 50_000)])
    share = np.searchsorted(np.sort(sample), drawn, side="right") / sample.size
    distance = np.abs(share - (np.arange(drawn.size) + 0.5) / drawn.size).max()
    assert distance < 1.63 / np.sqrt(drawn.size) + 1 / draws.POINTS


def test_quantile_table_holds_the_quantiles_at_the_middles_of_equal_steps():
    # Five values stand at 0.1, 0.3, 0.5, 0.7 and 0.9; a quarter lies three quarters of the way from 0 to 1.
    assert draws.quantile_table(np.arange(5.0), points=2).tolist() == pytest.approx([0.75, 3.25])


def test_a_quantile_table_of_as_many_points_is_the_values_in_order():
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0])
    assert draws.quantile_table(values, points=5).tolist() == pytest.approx(sorted(values))


def test_a_weight_counts_a_value_so_many_times():
    repeated = draws.quantile_table(np.array([1.0, 1.0, 1.0, 5.0]), points=8)
    weighted = draws.quantile_table(np.array([5.0, 1.0]), np.array([1.0, 3.0]), points=8)
    inside = np.flatnonzero(repeated == 1.0)[:3]  # between values the two interpolate differently
    assert weighted[inside].tolist() == repeated[inside].tolist() == [1.0] * 3
    assert weighted[-1] == repeated[-1] == 5.0


def root_key(seed: int, request: int) -> np.uint64:
    """The kernel's key; compiled code hands Python an int, which it would take for a signed one."""
    return np.uint64(draws.root_key(np.uint64(seed), request))


def children_of(keys: list[np.uint64], call: int, attempt: int) -> np.ndarray:
    keys_below = (np.uint64(draws.child_key(key, call, attempt)) for key in keys)
    return np.array([draws.uniform(key, draws.BEFORE) for key in keys_below])
