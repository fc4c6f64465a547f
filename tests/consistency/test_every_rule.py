"""Every rule: settings that break it, the same mended as the finding says, and the numbers worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from workbench import consistency
from workbench.consistency import ERROR, WARNING, Claims, Said, Service, Topology
from workbench.errors import SettingError

MIB = 2.0**20
SHOP = Topology(
    {
        "gateway": Service(("orders",), replicas=3, pre_stop_s=15),
        "orders": Service(("db",), replicas=20, rps=100),
        "db": Service(rps=80),
    }
)


def said(role, service, value, to="", layer="application"):
    shown = "0 (no limit)" if math.isinf(value) else f"{value:g}"
    name = "max_connections" if role == "database_connections" else role
    return Said(role, service, float(value), f"{service or to}/{name}", shown, to, layer)


def claims(*rows, topology=SHOP):
    return Claims(tuple(said(*row) for row in rows), topology)


# rule: what breaks it, its severity, words of the finding, the row that mends it.
BROKEN = [
    (
        "deadlines",
        [("timeout_s", "gateway", 0.5, "orders"), ("timeout_s", "orders", 0.4, "db"),
         ("attempts", "orders", 3, "db"), ("backoff_s", "orders", 0.1, "db")],
        # 3 · 0.4 s and pauses of 0.1 and 0.2 s; (0.5 - 0.3) / 3
        ERROR,
        ("1.5 s", "3 × 400 ms + 300 ms of backoff", "orders has 500 ms", "at most 66.67 ms a try", "1 try"),
        ("timeout_s", "orders", 0.066, "db"),
    ),
    (
        "deadlines",
        [("timeout_s", "gateway", 1, "orders"), ("attempts", "", 3, "orders", "mesh"),
         ("timeout_s", "", 0.5, "orders", "mesh")],
        ERROR, ("1.5 s", "one try of gateway lasts 1 s", "2 tries"),
        ("attempts", "", 2, "orders", "mesh"),
    ),
    (
        "deadlines",
        [("deadline_s", "gateway", 0.8), ("overall_s", "gateway", 2, "orders"),
         ("timeout_s", "gateway", 3, "orders")],
        ERROR, ("2 s for orders", "gateway has 800 ms"),
        ("overall_s", "gateway", 0.8, "orders"),
    ),
    (
        "retries",
        [("attempts", "gateway", 3, "orders"), ("attempts", "orders", 3, "db")],
        ERROR, ("up to 9 tries at db for one request at gateway: 3 × 3", "20 %"),
        ("attempts", "orders", 1, "db"),
    ),
    (
        "retries",
        [("attempts", "gateway", 3, "orders"), ("attempts", "", 2, "orders", "mesh")],
        WARNING, ("up to 6 tries", "3 × 2"),
        ("attempts", "gateway", 1, "orders"),
    ),
    (
        "pools",  # 20 replicas × 10 = 200 before 100 - 3
        [("connections", "orders", 10, "db"), ("database_connections", "db", 100)],
        ERROR, ("200 connections (20 × 10)", "takes 97", "a pool of 4 in each of 20 replicas"),
        ("connections", "orders", 4, "db"),
    ),
    (
        "pools",  # SQLAlchemy opens max_overflow beyond its pool: 20 · (3 + 2) before 100 - 3
        [("connections", "orders", 3, "db"), ("connections_beyond", "orders", 2, "db"),
         ("database_connections", "db", 100)],
        ERROR, ("100 connections (20 × 5)", "takes 97"),
        ("connections_beyond", "orders", 1, "db"),
    ),
    (
        "pools",  # the most that the autoscaler may start counts, not how many there are
        [("connections", "orders", 4, "db"), ("database_connections", "db", 100),
         ("replicas_most", "orders", 30)],
        ERROR, ("120 connections (30 × 4)", "a pool of 3 in each of 30 replicas"),
        ("replicas_most", "orders", 24),
    ),
    (
        "pools",
        [("connections", "orders", 10, "db"), ("bouncer_clients", "db", 150)],
        ERROR, ("200 connections", "PgBouncer, which takes 150", "a pool of 7"),
        ("connections", "orders", 7, "db"),
    ),
    (
        "pools",
        [("bouncer_pool", "db", 60), ("bouncer_total", "db", 50), ("database_connections", "db", 40)],
        ERROR, ("50 connections of PgBouncer", "takes 37"),
        ("bouncer_total", "db", 37),
    ),
    (
        "pools",
        [("connections", "orders", 10, "db"), ("bouncer_pool", "db", 50)],
        WARNING, ("200 connections (20 × 10) share PgBouncer's 50", "pool_mode = transaction"),
        ("connections", "orders", 2, "db"),
    ),
    (
        "pools",
        [("workers", "orders", 200), ("connections", "orders", 2, "db"),
         ("connection_wait_s", "orders", 30, "db"), ("timeout_s", "gateway", 2, "orders")],
        ERROR, ("200 threads of orders share 2 connections", "wait 30 s", "its caller waits 2 s"),
        ("connection_wait_s", "orders", 1.5, "db"),
    ),
    (
        "pools",
        [("workers", "orders", 200), ("connections", "orders", 2, "db")],
        WARNING, ("200 threads of orders share 2",),
        ("workers", "orders", 8),
    ),
    (
        "pools",  # 3 · 400 before 20 · (8 + 32)
        [("workers", "gateway", 400), ("workers", "orders", 8), ("queue", "orders", 32)],
        WARNING,
        ("1200 at once (3 × 400)", "800 (20 × (8 workers + 32 waiting))", "= 52, or gateway/workers = 266"),
        ("queue", "orders", 52),
    ),
    (
        "memory",
        [("heap_bytes", "orders", 1024 * MIB), ("memory_limit_bytes", "orders", 1024 * MIB)],
        ERROR, ("heap of orders is 1,024 MiB, 100%", "= 768 MiB"),
        ("heap_bytes", "orders", 768 * MIB),
    ),
    (
        "memory",
        [("heap_bytes", "orders", 512 * MIB), ("metaspace_bytes", "orders", 256 * MIB),
         ("direct_bytes", "orders", 512 * MIB), ("memory_limit_bytes", "orders", 1024 * MIB)],
        ERROR, ("may use 1,280 MiB", "1,280 MiB and more"),
        ("direct_bytes", "orders", 256 * MIB),
    ),
    (
        "memory",
        [("heap_share", "orders", 0.9), ("memory_limit_bytes", "orders", 1024 * MIB)],
        WARNING, ("90%", "1,024 MiB"),
        ("heap_share", "orders", 0.75),
    ),
    (
        "memory",
        [("go_memory_bytes", "gateway", 100 * MIB), ("memory_limit_bytes", "gateway", 96 * MIB)],
        ERROR, ("GOMEMLIMIT of gateway is 100 MiB", "= 91 MiB"),
        ("go_memory_bytes", "gateway", 91 * MIB),
    ),
    ("memory", [("gogc", "gateway", math.inf)], ERROR, ("never collects",), ("gogc", "gateway", 100)),
    (
        "memory",
        [("go_threads", "gateway", 8), ("cpu_limit", "gateway", 1.5)],
        WARNING, ("GOMAXPROCS of gateway is 8, its CPU limit 1.5 cores", "= 2"),
        ("go_threads", "gateway", 2),
    ),
    (
        "breakers",
        [("connections", "", 4294967295, "orders", "mesh")],
        WARNING, ("towards orders never trips", "4.29497e+09"),
        ("connections", "", 100, "orders", "mesh"),
    ),
    (
        "breakers",  # 80/s over 20 replicas, 10 s: 40 calls
        [("breaker_window_s", "orders", 10, "db"), ("breaker_minimum", "orders", 100, "db")],
        WARNING, ("needs 100 calls in a window that sees 40 (80/s over 20 of orders)", "= 20"),
        ("breaker_minimum", "orders", 20, "db"),
    ),
    (
        "breakers",
        [("breaker_window", "orders", 10, "db"), ("breaker_failures", "orders", 12, "db")],
        WARNING, ("needs 12 calls in a window that sees 10",),
        ("breaker_failures", "orders", 5, "db"),
    ),
    (
        "breakers",
        [("breaker_slow_s", "orders", 2, "db"), ("timeout_s", "orders", 1, "db")],
        WARNING, ("times out after 1 s, slow is 2 s",),
        ("breaker_slow_s", "orders", 0.5, "db"),
    ),
    (
        "scaling",
        [("cpu_target", "orders", 0.8)],
        ERROR, ("has none: it never scales",),
        ("cpu_request", "orders", 1),
    ),
    (
        "scaling",
        [("cpu_target", "orders", 1.5), ("cpu_request", "orders", 1), ("cpu_limit", "orders", 1.2)],
        ERROR, ("150% of its request, 1.5 cores, but its limit is 1.2 cores", "below 120%"),
        ("cpu_target", "orders", 0.8),
    ),
    (
        "scaling",
        [("replicas_least", "orders", 5), ("replicas_most", "orders", 3)],
        ERROR, ("at least 5 replicas and at most 3",),
        ("replicas_most", "orders", 8),
    ),
    (
        "scaling",
        [("memory_request_bytes", "orders", 2 * MIB), ("memory_limit_bytes", "orders", MIB)],
        ERROR, ("Kubernetes refuses it",),
        ("memory_limit_bytes", "orders", 2 * MIB),
    ),
    (
        "shutdown",
        [("grace_s", "gateway", 30), ("deadline_s", "gateway", 20)],
        ERROR, ("killed 30 s after the signal, but after 15 s of preStop may take 20 s", "= 35 s"),
        ("grace_s", "gateway", 35),
    ),
    (
        "shutdown",
        [("grace_s", "orders", 30), ("drain_s", "orders", 60)],
        ERROR, ("may drain for 60 s", "= 60 s"),
        ("drain_s", "orders", 20),
    ),
    (
        "keep_alive",
        [("client_idle_s", "gateway", 90, "orders"), ("server_idle_s", "orders", 5)],
        WARNING, ("closes it after 5 s", "below 5 s"),
        ("client_idle_s", "gateway", 4, "orders"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "rows", "severity", "words", "mended"), BROKEN)
def test_what_breaks_a_rule_is_found_with_its_numbers_and_the_change_mends_it(
    rule, rows, severity, words, mended
):
    found = consistency.check(claims(*rows))
    assert [(one.rule, one.severity) for one in found] == [(rule, severity)]
    for word in words:
        assert word in found[0].text(), found[0].text()
    assert found[0].places
    place = (mended[0], mended[1], mended[3:])
    kept = [row for row in rows if (row[0], row[1], row[3:]) != place]
    assert consistency.check(claims(*kept, mended)) == []


def test_every_rule_has_a_sentence_and_a_case():
    assert set(consistency.rules()) == {case[0] for case in BROKEN}
    for name, rule in consistency.rules().items():
        assert 20 < len(rule.RULE) < 120, name
        assert not rule.RULE.endswith("."), name


def test_no_rule_speaks_where_nothing_is_said():
    assert consistency.check(Claims(())) == []
    assert consistency.check(claims()) == []


@pytest.mark.parametrize(("rule", "rows"), [(case[0], case[1]) for case in BROKEN])
def test_no_limit_is_no_number(rule, rows):
    """Infinite values, which are settings left off, are never multiplied or shown as inf."""
    bounded = ("attempts", "gogc", "replicas_least", "replicas_most", "cpu_target", "grace_s")
    endless = [(row[0], row[1], math.inf, *row[3:]) for row in rows if row[0] not in bounded]
    for one in consistency.check(claims(*endless)):
        assert "inf" not in one.text().replace("infinite", ""), (rule, one.text())


def test_a_retry_budget_bounds_the_product():
    """Two hops of 4 tries are 16; with budgets of 20 % each 1.2 · 1.2 on average."""
    rows = [("attempts", "gateway", 4, "orders"), ("attempts", "orders", 4, "db")]
    one = ("budget_share", "orders", 0.2, "db")
    assert "16 tries" in consistency.check(claims(*rows))[0].what
    half = consistency.check(claims(*rows, one))[0]
    assert half.severity == WARNING
    assert "with the retry budgets 4.8" in half.what
    assert consistency.check(claims(*rows, one, ("budget_share", "gateway", 0.2, "orders"))) == []


def test_a_tail_that_was_seen_takes_the_place_of_the_callers_patience():
    rows = [("grace_s", "orders", 10), ("timeout_s", "gateway", 20, "orders")]
    seen = Topology({**SHOP.services, "orders": replace(SHOP.services["orders"], tail_s=3.0)})
    assert consistency.check(claims(*rows))
    assert consistency.check(claims(*rows, topology=seen)) == []


def test_calls_in_a_circle_and_unknown_services_are_refused():
    with pytest.raises(SettingError, match="calls in a circle"):
        Topology({"a": Service(("b",)), "b": Service(("a",))})
    with pytest.raises(SettingError, match=r"calls in a circle: a → b → c → b"):
        Topology({"a": Service(("b",)), "b": Service(("c",)), "c": Service(("b",))})
    with pytest.raises(SettingError, match=r"gateway: a call to 'ordrs'; expected one of \['gateway'\]"):
        Topology({"gateway": Service(("ordrs",))})
