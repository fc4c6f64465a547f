"""A token bucket: `rate_rps` tokens a second, at most `burst` kept, full at the start; rate 0 admits all."""

from __future__ import annotations

from collections.abc import Callable


class TokenBucket:
    """Tokens that come at a steady rate and are taken one by one."""

    def __init__(self, rate_rps: float, burst: float, clock: Callable[[], float]) -> None:
        self.rate_rps, self.burst = rate_rps, burst
        self._clock, self._filled, self._tokens = clock, clock(), burst

    def take(self) -> bool:
        """Take a token if there is one."""
        if self.rate_rps == 0:
            return True
        self._fill()
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def change(self, rate_rps: float, burst: float) -> None:
        """Go on at another rate and size; a limit that was off starts full."""
        self._fill()
        if self.rate_rps == 0:
            self._tokens = burst
        self.rate_rps, self.burst = rate_rps, burst
        self._tokens = min(self._tokens, burst)

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate_rps)
        self._filled = now
