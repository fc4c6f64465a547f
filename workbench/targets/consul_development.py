"""Consul keys of the development prefix, for /v1/txn: clients that watch them follow at once.

[{"KV": {"Verb": "set", "Key": "config/development/orders/workers", "Value": "OA=="}}]
"""

from __future__ import annotations

from workbench.targets import _consul, _keys

FORMAT = "Consul transaction, development"
SYSTEMS = ()
FILENAME = "consul-development.json"
ENCODING = "utf-8"

_SETS = _consul.Sets(_keys.DEVELOPMENT)
blank, current, edit = _SETS.blank, _SETS.current, _SETS.edit
