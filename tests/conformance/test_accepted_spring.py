"""Spring Boot binds the exported application.yml, and HikariCP and resilience4j have what it says."""

from __future__ import annotations

import subprocess

import pytest

from tests.conformance.conftest import Run
from tests.targets.shop import knobs_of, sample
from workbench.targets import spring_yaml

KNOBS = knobs_of("spring_yaml")
BREAKER = "resilience4j.circuitbreaker.instances.payments."
RETRY = "resilience4j.retry.instances.payments."
TIME, BULKHEAD = "resilience4j.timelimiter.instances.payments.", "resilience4j.bulkhead.instances.payments."
LIMITER = "resilience4j.ratelimiter.instances.orders."
TASKS = "spring.task.execution."
SET = {
    "server.tomcat.threads.max": 37, "server.tomcat.threads.min-spare": 7,
    "server.tomcat.threads.max-queue-capacity": 55, "server.tomcat.max-connections": 900,
    "server.tomcat.accept-count": 33, "server.tomcat.connection-timeout": 4321,
    "server.tomcat.keep-alive-timeout": 12_345, "server.tomcat.max-keep-alive-requests": 77,
    "spring.lifecycle.timeout-per-shutdown-phase": 21_000,
    TASKS + "pool.core-size": 5, TASKS + "pool.max-size": 9, TASKS + "pool.queue-capacity": 123,
    TASKS + "pool.keep-alive": 45_000, TASKS + "pool.allow-core-thread-timeout": "false",
    TASKS + "shutdown.await-termination": "true", TASKS + "shutdown.await-termination-period": 8000,
    "maximumPoolSize": 17, "minimumIdle": 3, "connectionTimeout": 2500, "validationTimeout": 1500,
    "idleTimeout": 90_000, "keepaliveTime": 61_000, "maxLifetime": 900_000, "leakDetectionThreshold": 20_000,
    BREAKER + "slidingWindowType": "TIME_BASED", BREAKER + "slidingWindowSize": 30,
    BREAKER + "minimumNumberOfCalls": 12, BREAKER + "failureRateThreshold": 33.5,
    BREAKER + "slowCallRateThreshold": 80, BREAKER + "slowCallDurationThreshold": 750,
    BREAKER + "waitDurationInOpenState": 6543, BREAKER + "permittedNumberOfCallsInHalfOpenState": 4,
    BREAKER + "maxWaitDurationInHalfOpenState": 2000,
    RETRY + "maxAttempts": 4, RETRY + "waitDuration": 120, RETRY + "exponentialMaxWaitDuration": 3000,
    TIME + "timeoutDuration": 640, TIME + "cancelRunningFuture": "false",
    BULKHEAD + "maxConcurrentCalls": 18, BULKHEAD + "maxWaitDuration": 35,
    LIMITER + "limitForPeriod": 41, LIMITER + "limitRefreshPeriod": 500, LIMITER + "timeoutDuration": 60,
}  # fmt: skip
# What shows in the pauses between tries alone: the second is twice the first, and none is random.
PAUSES = {
    RETRY + "enableExponentialBackoff": "true", RETRY + "exponentialBackoffMultiplier": 2,
    RETRY + "enableRandomizedWait": "false", RETRY + "randomizedWaitFactor": 0.5,
}  # fmt: skip


def said(java: Run, text: str) -> dict[str, str]:
    return dict(line.split(" = ") for line in java("SpringSettings", text).splitlines())


def test_every_knob_is_among_those_that_are_tried():
    assert {knob.name for knob in KNOBS} == set(SET) | set(PAUSES)


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_what_was_exported_is_in_force(java: Run, begin: str):
    settings = {f"orders/{name}": value for name, value in {**SET, **PAUSES}.items()}
    text = sample("spring_yaml") if begin == "sample" else spring_yaml.blank(KNOBS)
    found = said(java, spring_yaml.edit(text, settings, KNOBS, why=dict.fromkeys(settings, "é: # it's")))
    number = {name: float(value) if value[0].isdigit() else value for name, value in found.items()}
    assert {name: number[name] for name in SET} == SET
    assert number[RETRY + "second pause"] == 240


def test_what_is_unset_stays_the_default(java: Run):
    found = said(
        java, spring_yaml.edit(spring_yaml.blank(KNOBS), {"orders/maximumPoolSize": 3}, KNOBS, why={})
    )
    assert found["maximumPoolSize"] == "3"
    assert found["server.tomcat.threads.max"] == "200"


def test_no_limit_is_taken(java: Run):
    off = {knob.key: knob.off for knob in KNOBS if knob.off is not None}
    found = said(java, spring_yaml.edit(sample("spring_yaml"), off, KNOBS, why={}))
    assert found["server.tomcat.threads.max-queue-capacity"] == str(2**31 - 1)
    assert found["connectionTimeout"] == str(2**31 - 1)  # setConnectionTimeout takes 0 for this
    assert found["idleTimeout"] == "0"


WRONG = {
    "a misspelled property": "server.tomcat.threads.maximum: 8\n",
    "a duration with a fraction": "server.tomcat.connection-timeout: 1.5s\n",
    "a share above all": "resilience4j.circuitbreaker.instances.payments.failureRateThreshold: 101\n",
    "no tries": "resilience4j.retry.instances.payments.maxAttempts: 0\n",
    "a word for a number": "spring.datasource.hikari.maximum-pool-size: many\n",
    "a pool of none": "spring.datasource.hikari.maximum-pool-size: 0\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(java: Run, text: str):
    with pytest.raises(subprocess.CalledProcessError):
        java("SpringSettings", text)
