"""What pools of workers and connections mean to the network: gunicorn, uvicorn, SQLAlchemy, Tomcat, Java."""

from __future__ import annotations

from workbench.knobs import all_knobs, settings_of
from workbench.network import Call, Network, Station
from workbench.policies import Concurrency, Pool

NETWORK = Network(
    (
        Station("client", calls=(Call("orders"),)),
        Station(
            "orders", Pool(4, 64), calls=(Call("database", pool=Pool(10, wait_s=30)),),
            concurrency=Concurrency("fixed", limit=200),
        ),
        Station("database", concurrency=Concurrency("vegas")),
    ),
    entry="client",
)  # fmt: skip
SAID = {
    "gunicorn": {"orders/workers": 4},
    "uvicorn": {"orders/limit-concurrency": 200},
    "sqlalchemy": {"orders/pool_size": 10, "orders/pool_timeout": 30},
    "tomcat": {"orders/server.tomcat.threads.max": 4, "orders/server.tomcat.threads.max-queue-capacity": 64},
    "threadpool": {"orders/corePoolSize": 4, "orders/queueCapacity": 64},
    "spring_task": {},
}


def test_each_says_its_part_of_the_network():
    for system, words in SAID.items():
        found = settings_of(NETWORK, all_knobs(system, NETWORK))
        assert {key: value for key, value in found.items() if key.startswith("orders/")} == words, system


def test_a_limit_that_moves_by_itself_is_no_limit_of_uvicorn():
    assert [k.key for k in all_knobs("uvicorn", NETWORK) if k.tunable] == ["orders/limit-concurrency"]
