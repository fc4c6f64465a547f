"""Keys belong to the instances to which serialx/hashring and stathat/consistent give them, whoever is out.

serialx is given the twin's own ring; the twin is given that of stathat, which is CRC-32 of number and name.
Where the twin differs on purpose: a key that falls on a point belongs to it, as in Envoy, and to the next one
in both libraries, so that the twin is asked for the key after it. And both libraries rebuild the ring without
those that are removed, where the twin passes over them.
"""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from tests.conformance.conftest import Run
from workbench.policies import Balance
from workbench.twin.mechanisms import balance

RINGS, KEYS = 60, 2000  # so many rings, and keys on each: 120,000 decisions


@pytest.mark.parametrize("library", ["serialx", "stathat"])
def test_owners_are_equal_with_any_instances_out(go: Run, library: str):
    rng = np.random.default_rng(4)
    lines, ours, moved = [], [], 0
    for _ in range(RINGS):
        n, points = int(rng.integers(2, 30)), int(rng.integers(1, 200))
        out = np.flatnonzero(rng.random(n) < 0.2)[: n - 1]
        if library == "serialx":
            ring = balance.ring_of(n, points)
            keys = rng.integers(0, 2**64 - 1, KEYS, np.uint64)
            keys[: ring.size // 10] = ring["hash"][: ring.size // 10][:KEYS]  # some fall on points
            nodes, written = named(ring), [str(key) for key in keys]
        else:
            ring = stathat_ring(n, points)
            written = [f"key-{number}" for number in rng.integers(0, 10**9, KEYS)]
            keys = np.array([zlib.crc32(key.encode()) for key in written], np.uint64)
            nodes = [f"node{i}" for i in range(n)]
        left_out = ",".join(f"{'' if library == 'serialx' else 'node'}{i}" for i in out) or "-"
        lines.append(f"{library} {points} {left_out} {','.join(nodes)} {','.join(written)}")
        owners = picked(ring, n, out, keys)
        moved += int((owners != picked(ring, n, out[:0], keys)).sum())
        ours.append(owners)
    theirs = [
        [int(owner.removeprefix("node")) for owner in line.split()]
        for line in go("rings", "\n".join(lines)).splitlines()
    ]
    assert np.concatenate(ours).tolist() == np.concatenate(theirs).tolist()
    assert sum(map(len, theirs)) >= 100_000
    assert moved >= 1000


def named(ring: np.ndarray) -> list[str]:
    """Points as serialx names them, the number of a point any among those of its instance."""
    seen: dict[int, int] = {}
    names = []
    for place, instance in ring.tolist():
        seen[instance] = seen.get(instance, -1) + 1
        names.append(f"{instance}-{seen[instance]}={place}")
    return names


def stathat_ring(n: int, points: int) -> np.ndarray:
    """Its points; of two in one place the later one stays."""
    owners = {zlib.crc32(f"{point}node{i}".encode()): i for i in range(n) for point in range(points)}
    return np.array(sorted(owners.items()), balance.POINT)


def picked(ring: np.ndarray, n: int, out: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """The twin's owner of each key, some instances ejected."""
    policy, link = np.zeros(1, balance.STATE)[0], np.zeros(1, [("turn", "i8")])[0]
    balance.set_up(policy, Balance("ring hash"), 0, ring.size)
    instances, views = np.ones(n, [("running", "i8")]), np.zeros(n, balance.VIEW)
    for view in views:
        balance.set_up_view(view)
    views["ejected_until"][out] = np.inf
    return np.array(
        [
            balance.pick(policy, link, ring, instances, 0, views, 0, n, 0.0, key, 0.0, 0.0)
            for key in keys + np.uint64(1)
        ]
    )
