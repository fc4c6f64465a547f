"""A pool hands its connections to those who wait as HikariCP does: who is next, and who gives up.

Different on purpose: a HikariCP thread prefers the connection that it had last, here they are alike; HikariCP
waits 250 ms at least, and opens connections when they are asked for, here all are there from the start.
"""

from __future__ import annotations

import numpy as np

from tests.conformance.conftest import Run
from workbench.policies import Pool
from workbench.twin.mechanisms import pool

NEVER_MS = 600_000
EVENTS = 20_000  # at each pool
VISIT = np.dtype([("behind", "i8"), ("waiting", "i8")])


def test_connections_go_to_who_has_waited_longest(java: Run):
    rng = np.random.default_rng(1)
    lists = []
    for _ in range(5):
        asking = np.repeat(rng.choice([0.4, 0.5, 0.6], EVENTS // 200), 200)
        lists.append(np.where(rng.random(EVENTS) < asking, "+", "-").tolist())
    connections = [1, 2, 3, 10, 40]
    lines = [f"{n} {NEVER_MS} {' '.join(events)}" for n, events in zip(connections, lists, strict=True)]
    theirs = [line.split() for line in java("ConnectionPools", "\n".join(lines)).splitlines()]
    seen = [
        pair for events, words in zip(lists, theirs, strict=True) for pair in zip(events, words, strict=True)
    ]
    assert seen.count(("+", ".")) >= 1000  # had to wait
    assert sum(event == "-" and word.isdigit() for event, word in seen) >= 1000  # were handed one
    for n, events, words in zip(connections, lists, theirs, strict=True):
        assert ours(n, NEVER_MS, events) == words


def test_who_waits_too_long_gives_up_and_is_passed_over(java: Run):
    """In real time, so in two groups with a long way between what they do and the ends of their waits."""
    first, second = ["+"] * 704, ["+"] * 400
    events = [*first, "@2500", *second, "@6300", *["-", "+"] * 50, *["-"] * 20, "@9000"]
    theirs = java("ConnectionPools", f"4 5000 {' '.join(events)}").split()
    assert theirs != ["late"]
    assert sum(word.count(",") for word in theirs) >= 1000
    assert ours(4, 5000, events) == theirs


def ours(connections: int, wait_ms: int, events: list[str]) -> list[str]:
    """What the twin's mechanism does, as the program prints it."""
    state, visits = np.zeros(1, pool.STATE)[0], np.zeros(len(events), VISIT)
    pool.set_up(state, Pool(servers=connections, wait_s=wait_ms / 1000))
    now_ms, askers, out, words = 0, 0, 0, []
    waiting: dict[int, int] = {}  # asker: since when
    for event in events:
        if event == "+":
            got = pool.acquire(state, visits, askers) == pool.STARTED
            out += got
            if not got:
                waiting[askers] = now_ms
            words.append(str(askers) if got else ".")
            askers += 1
        elif event == "-":
            following = pool.release(state, visits) if out else -1
            words.append("!" if not out else "." if following < 0 else str(following))
            out -= bool(out) and following < 0
            waiting.pop(following, None)
        else:
            now_ms = int(event[1:])
            gone = [v for v, since_ms in waiting.items() if since_ms + wait_ms <= now_ms]
            for v in gone:
                del waiting[v]
                pool.leave_queue(state, visits, v)
            words.append(",".join(map(str, gone)) or ".")
    return words
