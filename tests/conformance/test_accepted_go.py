"""A Go program loads the exported YAML and environment into the libraries, which then have the settings."""

from __future__ import annotations

import subprocess

import pytest

from tests.conformance.conftest import Run
from tests.targets.shop import knobs_of, sample
from workbench.targets import go_env, go_yaml

KNOBS = knobs_of("go_yaml")
SERVER, CLIENT, BREAKER = "http.server.", "http.clients.payments.", "breakers.payments."
SET = {
    SERVER + "requestTimeout": 0.8, SERVER + "readTimeout": 5, SERVER + "readHeaderTimeout": 1.25,
    SERVER + "writeTimeout": 12, SERVER + "idleTimeout": 90, SERVER + "maxHeaderBytes": 4096,
    CLIENT + "timeout": 0.4, CLIENT + "maxConnsPerHost": 18, CLIENT + "maxIdleConns": 99,
    CLIENT + "maxIdleConnsPerHost": 17, CLIENT + "idleConnTimeout": 61, CLIENT + "dialTimeout": 0.0625,
    CLIENT + "tlsHandshakeTimeout": 3, CLIENT + "responseHeaderTimeout": 0.35,
    "database.maxOpenConns": 11, "database.maxIdleConns": 4, "database.connMaxLifetime": 1800,
    "database.connMaxIdleTime": 300, "limiter.rate": 41.5, "limiter.burst": 7,
    BREAKER + "tripAfter": 4, BREAKER + "maxRequests": 3, BREAKER + "timeout": 0.2,
    BREAKER + "interval": 60, "workers.count": 6, "workers.queue": 48,
}  # fmt: skip
RUNTIME = {"GOMAXPROCS": 1, "GOGC": 70, "GOMEMLIMIT": 300}


def said(go: Run, text: str) -> dict[str, float]:
    pairs = (line.split(" = ") for line in go("settings", text).splitlines())
    return {name: float(value) for name, value in pairs}


def test_every_knob_is_among_those_that_are_tried():
    assert {knob.name for knob in KNOBS} == set(SET)
    assert {knob.name for knob in knobs_of("go_env")} == set(RUNTIME)


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_the_libraries_have_what_was_exported(go: Run, begin: str):
    settings = {f"orders/{name}": value for name, value in SET.items()}
    text = sample("go_yaml") if begin == "sample" else go_yaml.blank(KNOBS)
    found = said(go, go_yaml.edit(text, settings, KNOBS, why=dict.fromkeys(settings, "it's: a # reason")))
    nanoseconds = {knob.name for knob in KNOBS if knob.unit == "s"}
    wanted = {name: value * 1e9 if name in nanoseconds else value for name, value in SET.items()}
    assert found.pop(BREAKER + "failures that open it") == wanted.pop(BREAKER + "tripAfter") + 1
    assert 0.99 < found.pop(BREAKER + "open") / wanted.pop(BREAKER + "timeout") < 10  # a machine may be busy
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


def test_no_limit_is_taken(go: Run):
    off = {knob.key: knob.off for knob in KNOBS if knob.off is not None}
    found = said(go, go_yaml.edit(sample("go_yaml"), off, KNOBS, why={}))
    assert found[SERVER + "requestTimeout"] == float("inf")
    assert found["database.maxOpenConns"] == 0


WRONG = [
    "limiter: {rates: 5}",
    "http: {server: {idleTimeout: 5 minutes}}",
    "workers: {count: '6'}",
    "database: 5",
]


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_refused(go: Run, text: str):
    with pytest.raises(subprocess.CalledProcessError):
        go("settings", text)


@pytest.fixture
def environment(go: Run, tmp_path, monkeypatch):
    """What the program says with an environment that a shell has read."""
    go("settings", "{name: built}")

    def run(text: str) -> dict[str, float]:
        path = tmp_path / "go.env"
        path.write_text(text)
        shell = f'. "{path}"; echo "$GOMAXPROCS $GOGC $GOMEMLIMIT"'
        done = subprocess.run(["sh", "-euc", shell], capture_output=True, text=True, check=True, timeout=30)
        for name, value in zip(RUNTIME, done.stdout.split(), strict=True):
            monkeypatch.setenv(name, value)
        return said(go, "{name: orders}")

    return run


@pytest.mark.parametrize("begin", ["sample", "blank"])
def test_the_runtime_has_what_was_exported(environment, begin: str):
    settings = {f"orders/{name}": value for name, value in RUNTIME.items()}
    text = sample("go_env") if begin == "sample" else ""
    found = environment(go_env.edit(text, settings, knobs_of("go_env"), why=dict.fromkeys(settings, "it's")))
    assert found["GOMAXPROCS"] == 1
    assert found["GOGC"] == 70
    assert found["GOMEMLIMIT"] == 300 * 2**20


def test_the_collector_is_switched_off_as_exported(environment):
    settings = {"orders/GOMAXPROCS": 2, "orders/GOGC": -1, "orders/GOMEMLIMIT": 64}
    assert environment(go_env.edit("", settings, knobs_of("go_env"), why={}))["GOGC"] == -1


def test_the_runtime_refuses_what_is_wrong(environment):
    with pytest.raises(subprocess.CalledProcessError):
        environment("GOMAXPROCS=2\nGOGC=70\nGOMEMLIMIT=300MB\n")
