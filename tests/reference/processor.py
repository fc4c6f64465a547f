"""Processors of the naive reference: what a piece of work runs on, and when it is done.

Each has `begin(piece_s, counted_s, done)`; `done()` is called when that much has been worked. A pause of the
instance lengthens what runs: `counted_s` are the seconds of pauses that had begun before the piece did.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from workbench.policies import Cpu

INF = math.inf
Done = Callable[[], None]


@dataclass
class Clock:
    """What a processor needs of the simulation: the time, a way to be called, and the instance's pauses."""

    now: Callable[[], float]
    at: Callable[[float, Done], None]
    paused_until: float = -INF
    paused_s: float = 0.0  # seconds of all pauses begun so far, to their ends

    def paused(self) -> bool:
        return self.now() < self.paused_until


class Unlimited:
    """Every piece takes its time."""

    def __init__(self, policy: Cpu, clock: Clock) -> None:
        self.clock = clock

    def begin(self, piece_s: float, counted_s: float, done: Done) -> None:
        self.clock.at(self.clock.now() + piece_s, lambda: self.finish(counted_s, done))

    def finish(self, counted_s: float, done: Done) -> None:
        """Stand still for what has been paused since the piece began, and only then be done."""
        more_s = self.clock.paused_s - counted_s
        if more_s > 0:
            paused_s = self.clock.paused_s
            self.clock.at(self.clock.now() + more_s, lambda: self.finish(paused_s, done))
        else:
            done()

    def paused(self) -> None:
        """The instance has been paused, or for longer."""


class Loop(Unlimited):
    """One piece after the other, in the order in which they became ready."""

    def __init__(self, policy: Cpu, clock: Clock) -> None:
        super().__init__(policy, clock)
        self.busy = False
        self.ready: deque[tuple[float, Done]] = deque()

    def begin(self, piece_s: float, counted_s: float, done: Done) -> None:
        if self.busy:
            self.ready.append((piece_s, done))
        else:
            self.busy = True
            super().begin(piece_s, counted_s, lambda: self.next_piece(done))

    def next_piece(self, done: Done) -> None:
        self.busy = False
        if self.ready:
            piece_s, its_done = self.ready.popleft()
            self.begin(piece_s, self.clock.paused_s, its_done)
        done()


class Shared(Unlimited):
    """Processor sharing in virtual time, under a quota that is filled up at the start of every period.

    Virtual time goes as fast as each running piece is worked on: a piece that begins at virtual time V is
    done at V + piece_s, whoever comes and goes in between.
    """

    def __init__(self, policy: Cpu, clock: Clock) -> None:
        super().__init__(policy, clock)
        self.policy = policy
        self.virtual, self.at = 0.0, 0.0
        self.rate = 0.0  # of virtual time, since `at`
        self.running: list[tuple[float, int, Done]] = []  # (virtual finish, order of begin, what then)
        self.begun = 0
        self.used_s, self.period, self.throttled = 0.0, 0, False
        self.halted = False  # from the beginning of a pause to the event at its end
        self.planned = 0  # number of the event that counts; older ones are void
        self.quota_s = policy.quota_cores * policy.period_s

    def begin(self, piece_s: float, counted_s: float, done: Done) -> None:
        if piece_s == 0:
            super().begin(piece_s, counted_s, done)
            return
        self.advance()
        self.begun += 1
        self.running.append((self.virtual + piece_s, self.begun, done))
        self.plan()

    def paused(self) -> None:
        self.advance()
        self.halted = True
        self.plan()

    def advance(self) -> None:
        """Bring virtual time and quota used up to now, at the rate that has held since the last change."""
        now = self.clock.now()
        if self.rate > 0:
            self.virtual += (now - self.at) * self.rate
            self.used_s += (now - self.at) * self.cores_used()
        self.at = now
        if self.quota_s < INF:
            self.enter_period(math.floor(now / self.policy.period_s))

    def enter_period(self, number: int) -> None:
        if number > self.period:
            self.period, self.used_s, self.throttled = number, 0.0, False

    def cores_used(self) -> float:
        return min(float(len(self.running)), self.policy.cores)

    def plan(self) -> None:
        """Set the rate from now on, and the one event up to which it holds."""
        self.planned += 1
        self.rate = 0.0
        now, period_end = self.clock.now(), (self.period + 1) * self.policy.period_s
        if self.halted:
            self.plan_event(self.clock.paused_until, self.wake)
        elif not self.running:
            return
        elif self.throttled:
            self.plan_event(period_end, self.period_ends)
        else:
            self.rate = min(1.0, self.policy.cores / len(self.running))
            first = min(self.running, key=lambda piece: piece[:2])
            completion = now + max(0.0, first[0] - self.virtual) / self.rate
            if self.quota_s == INF:
                exhaustion = period_end = INF
            else:
                exhaustion = now + max(0.0, self.quota_s - self.used_s) / self.cores_used()
            if completion <= exhaustion and completion <= period_end:
                self.plan_event(completion, lambda: self.complete(first))
            elif exhaustion <= period_end:
                number = self.period
                self.plan_event(exhaustion, lambda: self.throttle(number))
            else:
                self.plan_event(period_end, self.period_ends)

    def plan_event(self, time: float, change: Done) -> None:
        number = self.planned

        def happen() -> None:
            if number == self.planned:
                self.advance()
                change()
                if number == self.planned:
                    self.plan()

        self.clock.at(time, happen)

    def period_ends(self) -> None:
        """Enter the next period, unless `advance` saw it begin; the division may round below its number."""
        if self.clock.now() >= (self.period + 1) * self.policy.period_s:
            self.enter_period(self.period + 1)

    def wake(self) -> None:
        self.halted = False

    def throttle(self, period: int) -> None:
        """Stop, unless the period whose quota is used up ended in the same instant."""
        self.throttled = self.period == period

    def complete(self, piece: tuple[float, int, Done]) -> None:
        self.virtual = piece[0]
        self.running.remove(piece)
        self.plan()
        piece[2]()


def processor(policy: Cpu, clock: Clock) -> Unlimited:
    """The processor of one instance."""
    kinds = {"unlimited": Unlimited, "loop": Loop, "shared": Shared}
    return kinds[policy.kind](policy, clock)
