"""Ends this process when the one that started it ends, however that came about."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG, _PR_SET_PTRACER = 1, 0x59616D61


def die_with_parent(parent: int) -> None:
    """Have this process killed when the thread that started it, in process `parent`, is gone.

    On Linux the kernel does it; elsewhere as `watch_parent`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
    else:
        watch_parent(parent)


def watch_parent(parent: int) -> None:
    """Have this process end within half a second of its parent, whichever thread of it started this."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def allow_profiler() -> None:
    """Let any process of the same user attach, which Yama otherwise allows parents alone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
