"""etcd keys of the development prefix, for `etcdctl txn`: clients that watch them follow at once.

put "/config/development/orders/workers" "8"
"""

from __future__ import annotations

from workbench.targets import _etcd, _keys

FORMAT = "etcd transaction, development"
SYSTEMS = ()
FILENAME = "etcd-development.txn"
ENCODING = "utf-8"

_PUTS = _etcd.Puts(_keys.DEVELOPMENT)
blank, current, edit = _PUTS.blank, _PUTS.current, _PUTS.edit
