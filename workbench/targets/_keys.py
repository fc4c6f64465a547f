"""Keys of a configuration centre: PREFIX/SERVICE/KNOB, whatever the names hold.

Clients watch DEVELOPMENT and PRODUCTION. What is exported goes to the first at once; for the second it goes
to PROPOSED, which no client watches, and who approves it puts it there. Nothing here writes to a live store.
"""

from __future__ import annotations

from urllib.parse import quote

from workbench.settings import Knob

DEVELOPMENT = "config/development"
PRODUCTION = "config/production"
PROPOSED = "config/proposed/production"


def key(prefix: str, knob: Knob) -> str:
    """Give a knob's key below a prefix; characters that a store's files give a meaning are encoded (%20)."""
    return f"{prefix}/{quote(knob.service, safe='')}/{quote(knob.name, safe='.')}"
