"""Nobody stands before a pool that is smaller than what he brings: threads, pool, proxy, database.

20 replicas × 10 connections = 200 of HikariCP before max_connections = 100: the second half is refused
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from workbench.consistency._seam import ERROR, WARNING, Claims, Finding, Said, least, seconds

RULE = (
    "threads, connections of all replicas, the pooler's connections and the database's get smaller knowingly"
)
RESERVED = 3  # superuser_reserved_connections, PostgreSQL's default

Brought = tuple[float, float, list[Said]]  # connections of one replica, replicas, and who says so


def check(claims: Claims) -> Iterator[Finding]:
    """Hold each pool against the next one behind it, at the most replicas that may run."""
    for caller, callee in claims.edges():
        yield from _threads(claims, caller, callee)
        yield from _workers(claims, caller, callee)
    for service in claims.services:
        yield from _database(claims, service)


def _threads(claims: Claims, caller: str, callee: str) -> Iterator[Finding]:
    """Threads that wait for a connection may wait longer than their caller."""
    threads, pool = claims.most("workers", caller), least(claims.between("connections", caller, callee))
    if not threads or not pool or not pool.value < threads.value < math.inf:
        return
    wait = least(claims.between("connection_wait_s", caller, callee))
    budget = least(claims.budgets(caller))
    if wait and budget and wait.value > budget.value:
        yield Finding(
            ERROR,
            f"{threads.value:g} threads of {caller} share {pool.value:g} connections to {callee}, and one "
            f"may wait {seconds(wait.value) if wait.value < math.inf else 'for ever'} for its turn, while "
            f"its caller waits {seconds(budget.value)}",
            f"{wait.key} below {seconds(budget.value)}, or {pool.key} = {threads.value:g}",
            (threads, pool, wait, budget),
        )
    elif wait is None and threads.value > 4 * pool.value:
        yield Finding(
            WARNING,
            f"{threads.value:g} threads of {caller} share {pool.value:g} connections to {callee}",
            f"bound the wait for a connection, or bring {threads.key} near {pool.key}",
            (threads, pool),
        )


def _workers(claims: Claims, caller: str, callee: str) -> Iterator[Finding]:
    """What callers may send at once finds a place: a worker or a seat in the queue."""
    sent = least([*claims.of("workers", caller), *claims.between("connections", caller, callee)])
    served, queue = claims.least("workers", callee), claims.least("queue", callee)
    if not sent or not served or not queue or not math.isfinite(sent.value):
        return
    (many, who), (few, whose) = claims.replicas(caller), claims.replicas(callee)
    brought, places = sent.value * many, (served.value + queue.value) * few
    if brought > places:
        yield Finding(
            WARNING,
            f"{caller} may send {brought:g} at once ({many:g} × {sent.value:g}), {callee} has places for "
            f"{places:g} ({few:g} × ({served.value:g} workers + {queue.value:g} waiting)): the rest is "
            "refused",
            f"{queue.key} = {math.ceil(brought / few - served.value):g}, or {sent.key} = "
            f"{max(1, math.floor(places / many)):g}",
            (sent, *who, served, queue, *whose),
        )


def _database(claims: Claims, database: str) -> Iterator[Finding]:
    pools = _pools(claims, database)
    brought = sum(pool * many for pool, many, _ in pools)
    said = [s for _, _, who in pools for s in who]
    sum_ = " + ".join(f"{many:g} × {pool:g}" for pool, many, _ in pools)
    clients, behind = claims.least("bouncer_clients", database), _bouncer(claims, database)
    limit = claims.least("database_connections", database)
    reserved = claims.least("database_reserved", database)
    kept = reserved.value if reserved else RESERVED if limit and "max_connections" in limit.key else 0
    free = limit.value - kept if limit else math.inf
    if clients and brought > clients.value:
        yield _too_many(f"{brought:g} connections ({sum_})", "PgBouncer", clients, clients.value, pools, said)
    if behind:
        held, who = behind
        if limit and held > free:
            yield _too_many(f"{held:g} connections of PgBouncer", database, limit, free, [], who)
        if brought > held:
            yield Finding(
                WARNING,
                f"{brought:g} connections ({sum_}) share PgBouncer's {held:g} to {database}: with pool_mode "
                "= session the rest waits until others leave",
                f"pool_mode = transaction, or {who[0].key} = {brought:g}",
                (*said, *who),
            )
    elif limit and brought > free:
        yield _too_many(f"{brought:g} connections ({sum_})", database, limit, free, pools, said)


def _pools(claims: Claims, database: str) -> list[Brought]:
    """The pool of each caller, of how many replicas, and who says so."""
    found = []
    for caller in [c for c, to in claims.edges() if to == database] or [""]:
        pool = least(claims.between("connections", caller, database))
        if pool and math.isfinite(pool.value):
            beyond = [s for s in claims.between("connections_beyond", caller, database) if s.value < math.inf]
            many, who = claims.replicas(caller)
            found.append((pool.value + sum(s.value for s in beyond), many, [pool, *beyond, *who]))
    return found


def _bouncer(claims: Claims, database: str) -> tuple[float, list[Said]] | None:
    """Connections that PgBouncer may hold: per database and user, bounded by the total for the database."""
    pool, total = claims.least("bouncer_pool", database), claims.least("bouncer_total", database)
    said = [s for s in (pool, total) if s and math.isfinite(s.value)]
    return (min(s.value for s in said), said) if said else None


def _too_many(
    brought: str,
    where: str,
    limit: Said,
    free: float,
    pools: list[Brought],
    said: list[Said],
) -> Finding:
    copies = sum(many for _, many, _ in pools)
    change = (
        f"a pool of {max(1, math.floor(free / copies)):g} in each of {copies:g} replicas" if pools else ""
    )
    change = change or f"at most {free:g} connections before it"
    return Finding(
        ERROR,
        f"{brought} before {where}, which takes {free:g}: the rest is refused",
        f"{change}, or a larger {limit.key}",
        (*said, limit),
    )
