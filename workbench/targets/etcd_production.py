"""etcd keys that propose settings for production, for `etcdctl txn`: clients follow only when one approves.

put "/config/proposed/production/orders/workers" "8"
"""

from __future__ import annotations

from workbench.targets import _etcd, _keys

FORMAT = "etcd transaction, proposal for production"
SYSTEMS = ()
FILENAME = "etcd-production.txn"
ENCODING = "utf-8"

_PUTS = _etcd.Puts(_keys.PROPOSED)
blank, current, edit = _PUTS.blank, _PUTS.current, _PUTS.edit
