"""The side that sends closes an idle connection first.

client keeps it 90 s, server closes it after 5 s: a request that meets the close is lost (reset, 502)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._seam import WARNING, Claims, Finding, least, seconds

RULE = "a server keeps idle connections longer than its clients do"


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each client's idle time, and each pool's, against the server's."""
    for caller, callee in claims.edges():
        server = least(claims.of("server_idle_s", callee))
        clients = [*claims.between("client_idle_s", caller, callee), *claims.of("client_idle_s", caller)]
        for client in clients:
            if server and server.value < math.inf and client.value >= server.value:
                yield Finding(
                    WARNING,
                    f"{caller} keeps an idle connection to {callee} for {client.shown}, {callee} closes it "
                    f"after {seconds(server.value)}: a request sent at that moment is lost",
                    f"{client.key} below {seconds(server.value)}, or a longer {server.key}",
                    (client, server),
                )
