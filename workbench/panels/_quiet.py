"""Work that follows when hands are off the sliders: in a thread, the latest request only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Stale = Callable[[], bool]


class WhenQuiet:
    """Runs `work` in a thread once no `ask` came for `pause_s`; a newer `ask` makes the running work stale.

    `work` gets a function that says whether it is stale, and should return early if so. The thread lives only
    while there is something to do.
    """

    def __init__(self, work: Callable[[Stale], None], *, pause_s: float) -> None:
        self._work, self._pause_s = work, pause_s
        self._changed = threading.Condition()
        self._asked = self._done = 0
        self._last_s = 0.0
        self._running = False

    def ask(self) -> None:
        """Request the work; earlier requests are forgotten."""
        with self._changed:
            self._asked += 1
            self._last_s = time.monotonic()
            self._changed.notify_all()
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, daemon=True, name="workbench panel").start()

    def wait(self, timeout_s: float) -> bool:
        """Wait until nothing is asked any more; False if that takes longer than `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._done == self._asked, timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while (left_s := self._last_s + self._pause_s - time.monotonic()) > 0:
                    self._changed.wait(left_s)
                number = self._asked
            try:
                self._work(lambda number=number: number != self._asked)  # type: ignore[misc]
            finally:
                with self._changed:
                    self._done = number
                    self._running = number != self._asked
                    self._changed.notify_all()
            if not self._running:
                return
