"""Consul keys that propose settings for production, for /v1/txn: clients follow only when one approves.

[{"KV": {"Verb": "set", "Key": "config/proposed/production/orders/workers", "Value": "OA=="}}]
"""

from __future__ import annotations

from workbench.targets import _consul, _keys

FORMAT = "Consul transaction, proposal for production"
SYSTEMS = ()
FILENAME = "consul-production.json"
ENCODING = "utf-8"

_SETS = _consul.Sets(_keys.PROPOSED)
blank, current, edit = _SETS.blank, _SETS.current, _SETS.edit
