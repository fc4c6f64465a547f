"""The processor of an instance: shared evenly, under a CFS quota, or one event loop.

Sharing works on virtual time (V grows by what each running piece gets): a piece that begins at V with
p seconds to do is done when V reaches V + p, however many others come and go. The pieces at work are a skew
heap through visits[].left and .right (D. Sleator, R. Tarjan: Self-adjusting heaps, 1986).

Hooks for sharing: `begin`, `halt`, `next_change`, `change`; for the loop: `take_loop`, `leave_loop`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.policies import Cpu
from workbench.twin._compiled import compiled, inlined

UNLIMITED, SHARED, LOOP = 0, 1, 2
STATE = np.dtype(
    [
        ("kind", "i8"),
        ("cores", "f8"),
        ("quota_cores", "f8"),
        ("period_s", "f8"),
        ("virtual", "f8"),  # V, at real time `at`
        ("at", "f8"),
        ("used_s", "f8"),  # of the quota, in period number `period`
        ("period", "i8"),
        ("throttled", "i8"),
        ("halted", "i8"),
        ("running", "i8"),
        ("root", "i8"),  # the piece that is done first, -1 for none
        ("begun", "i8"),  # pieces so far
        ("due", "i8"),  # place in the order of events of the one that counts, -1 for none
        ("what", "i8"),  # what that event is
        ("runs", "i8"),  # the loop's piece at work, -1 for none
        ("first", "i8"),  # of the loop's queue
        ("last", "i8"),
    ]
)
DONE, EXHAUSTED, PERIOD_ENDS, WAKES, NOTHING = 0, 1, 2, 3, 4


def set_up(state: Any, policy: Cpu) -> None:
    """Fill a record of STATE: idle."""
    state["kind"] = Cpu.KINDS.index(policy.kind)
    state["cores"], state["quota_cores"] = policy.cores, policy.quota_cores
    state["period_s"] = policy.period_s
    state["root"] = state["due"] = state["runs"] = state["first"] = state["last"] = -1


@compiled
def _rate(cpu):  # type: ignore[no-untyped-def]
    """What each running piece gets of a core."""
    if cpu.throttled or cpu.halted:
        return 0.0
    return min(1.0, cpu.cores / cpu.running)


@compiled
def _advance(cpu, now):  # type: ignore[no-untyped-def]
    if cpu.running > 0:
        cpu.virtual += (now - cpu.at) * _rate(cpu)
        if not cpu.throttled and not cpu.halted:
            cpu.used_s += (now - cpu.at) * min(float(cpu.running), cpu.cores)
    cpu.at = now
    _roll(cpu, now)


@compiled
def _roll(cpu, now):  # type: ignore[no-untyped-def]
    """A new period has its whole quota."""
    if cpu.quota_cores < np.inf:
        period = int(np.floor(now / cpu.period_s))
        if period > cpu.period:
            cpu.period, cpu.used_s, cpu.throttled = period, 0.0, 0


@inlined
def begin(cpu, visits, v, work_s, now):  # type: ignore[no-untyped-def]
    """Piece v, work_s (> 0) of processor, joins those at work."""
    _advance(cpu, now)
    visits[v].finish = cpu.virtual + work_s
    visits[v].left = visits[v].right = -1
    visits[v].began = cpu.begun
    cpu.begun += 1
    cpu.running += 1
    cpu.root = _merged(visits, cpu.root, v)


@inlined
def halt(cpu, now):  # type: ignore[no-untyped-def]
    """The instance stands still from now on, until the event that wakes it."""
    _advance(cpu, now)
    cpu.halted = 1


@inlined
def next_change(cpu, visits, now, paused_until):  # type: ignore[no-untyped-def]
    """Set cpu.what happens next if nothing else begins, and give when; NOTHING if nothing does."""
    if cpu.running == 0 and not cpu.halted:
        cpu.what = NOTHING
        return np.inf
    if cpu.halted:
        cpu.what = WAKES
        return paused_until
    if cpu.throttled:
        cpu.what = PERIOD_ENDS
        return (cpu.period + 1) * cpu.period_s
    cpu.what = DONE
    at = now + max(0.0, visits[cpu.root].finish - cpu.virtual) / _rate(cpu)
    if cpu.quota_cores < np.inf:
        left_s = max(0.0, cpu.quota_cores * cpu.period_s - cpu.used_s)
        exhausted = now + left_s / min(float(cpu.running), cpu.cores)
        if exhausted < at:
            cpu.what, at = EXHAUSTED, exhausted
        ends = (cpu.period + 1) * cpu.period_s
        if ends < at:
            cpu.what, at = PERIOD_ENDS, ends
    return at


@inlined
def change(cpu, visits, now):  # type: ignore[no-untyped-def]
    """Let what was due happen; give the piece that is done, or -1."""
    if cpu.what == DONE:
        v = cpu.root
        cpu.used_s += (now - cpu.at) * min(float(cpu.running), cpu.cores)
        cpu.virtual, cpu.at = visits[v].finish, now
        cpu.root = _merged(visits, visits[v].left, visits[v].right)
        cpu.running -= 1
        _roll(cpu, now)
        return v
    following = cpu.period + 1
    _advance(cpu, now)
    if cpu.what == EXHAUSTED:
        if cpu.period < following:  # else the next period has begun with it
            cpu.throttled, cpu.used_s = 1, cpu.quota_cores * cpu.period_s
    elif cpu.what == WAKES:
        cpu.halted = 0
    elif cpu.period < following:  # its floor is rounded down
        cpu.period, cpu.used_s, cpu.throttled = following, 0.0, 0
    return -1


@inlined
def take_loop(cpu, visits, v):  # type: ignore[no-untyped-def]
    """True if piece v has the loop at once; else it waits for its turn."""
    if cpu.runs < 0:
        cpu.runs = v
        return True
    visits[v].behind = -1
    if cpu.first < 0:
        cpu.first = v
    else:
        visits[cpu.last].behind = v
    cpu.last = v
    return False


@inlined
def leave_loop(cpu, visits):  # type: ignore[no-untyped-def]
    """The piece at work is done; give the next, or -1."""
    cpu.runs = cpu.first
    if cpu.first >= 0:
        cpu.first = visits[cpu.first].behind
    return cpu.runs


@compiled
def _sooner(visits, a, b):  # type: ignore[no-untyped-def]
    return visits[a].finish < visits[b].finish or (
        visits[a].finish == visits[b].finish and visits[a].began < visits[b].began
    )


@compiled
def _merged(visits, a, b):  # type: ignore[no-untyped-def]
    """The root of two skew heaps made one."""
    if a < 0:
        return b
    if b < 0:
        return a
    if _sooner(visits, b, a):
        a, b = b, a
    root = p = a
    while True:
        rest = visits[p].right
        visits[p].right = visits[p].left
        if rest < 0:
            visits[p].left = b
            return root
        if _sooner(visits, b, rest):
            rest, b = b, rest
        visits[p].left = rest
        p = rest
