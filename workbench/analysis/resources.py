"""What each service uses of what it may: CPU and its throttling, memory, garbage collection."""

from __future__ import annotations

from workbench.analysis._resources import resources

__all__ = ["resources"]
