"""How busy each pool of workers is, and how many wait for it: over the window, and over time."""

from __future__ import annotations

from workbench.analysis._pools import pools, pools_over_time

__all__ = ["pools", "pools_over_time"]
