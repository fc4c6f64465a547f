"""What each visit to a service spent where, what each try of a call met, and who calls whom: from spans."""

from __future__ import annotations

from workbench.analysis._spans import calls, tries, visits

__all__ = ["calls", "tries", "visits"]
