"""An event loop whose timers fire to some ten microseconds instead of to the next whole millisecond.

epoll waits whole milliseconds, rounded up, so a sleep of 4 ms would take 4.6 on average and every timeout
and backoff likewise. On Linux the loop waits on a timerfd instead; elsewhere it is the usual loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import selectors
import sys


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop with fine timers where the system has them."""
    if sys.platform == "linux":
        return asyncio.SelectorEventLoop(TimerSelector())
    return asyncio.new_event_loop()


if sys.platform == "linux":
    _CLOCK_MONOTONIC, _TFD_NONBLOCK, _TFD_CLOEXEC = 1, os.O_NONBLOCK, os.O_CLOEXEC
    _libc = ctypes.CDLL(None, use_errno=True)

    class _Timespec(ctypes.Structure):
        _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))

    class _Itimerspec(ctypes.Structure):
        _fields_ = (("interval", _Timespec), ("value", _Timespec))

    class TimerSelector(selectors.EpollSelector):
        """An epoll selector that waits for its timeout on a timerfd."""

        def __init__(self) -> None:
            super().__init__()
            self._timer = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
            if self._timer < 0:
                raise OSError(ctypes.get_errno(), "timerfd_create")
            # Past `register`: the timer's events match no key, so nobody but the wait sees them.
            self._selector.register(self._timer, select.EPOLLIN)  # type: ignore[attr-defined]
            self._alarm = _Itimerspec()

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            """Wait for files or `timeout` seconds, as selectors.BaseSelector says."""
            if timeout is not None and timeout <= 0:
                return super().select(0)
            # Setting the timer also clears an alarm that has already rung, which would end the wait at once.
            nanoseconds = 0 if timeout is None else max(int(timeout * 1e9), 1)
            self._alarm.value.seconds, self._alarm.value.nanoseconds = divmod(nanoseconds, 1_000_000_000)
            _libc.timerfd_settime(self._timer, 0, ctypes.byref(self._alarm), None)
            return super().select(None)

        def close(self) -> None:
            """Close the timer and the selector."""
            super().close()
            os.close(self._timer)
