"""Collectors against real systems: Jaeger built from its module, Zipkin from Maven, a Go program's pprof."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import workbench
from tests.needs import absent, need_program
from workbench.collectors import jaeger, pprof, zipkin
from workbench.errors import CollectError

GO = Path(__file__).parent / "go"
ZIPKIN = "io.zipkin:zipkin-server:3.5.1:jar:exec"
TRACES = 3000
END = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = END - timedelta(hours=1)


def build(folder: Path, *packages: str, out: Path) -> Path:
    compiler = need_program("go", "Install Go 1.24 or later")
    if subprocess.run([compiler, "mod", "download"], cwd=folder, capture_output=True, timeout=600).returncode:
        absent(f"the modules of {folder.name} cannot be downloaded")
    subprocess.run([compiler, "build", "-o", os.fspath(out), *packages], cwd=folder, check=True, timeout=1200)
    return out


@contextmanager
def running(command: Sequence[str | Path], ready: Callable[[], object], folder: Path) -> Iterator[None]:
    """Run a server until the end of the block; `ready` raises OSError until it answers."""
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        wait_for(ready)
        assert child.poll() is None, (folder / "log").read_text()[-2000:]
        yield
    finally:
        child.kill()
        child.wait()


def wait_for(ready: Callable[[], object], longest_s: float = 60.0) -> None:
    """Ask every tenth of a second until it raises no OSError."""
    end = time.monotonic() + longest_s
    while time.monotonic() < end:
        with suppress(OSError):
            ready()
            return
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def ask(url: str, body: object = None) -> bytes:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def made() -> list[dict]:
    """Two spans a trace, of two services, over an hour: nearly all in its first minutes."""
    luck, spans = random.Random(1), []
    for n in range(TRACES):
        begin_us = round((START.timestamp() + 3600 * (n / TRACES) ** 4) * 1e6)
        trace_id, root, child = (f"{luck.getrandbits(bits):0{bits // 4}x}" for bits in (128, 64, 64))
        for service, span_id, parent, off_us in (("gateway", root, "", 0), ("orders", child, root, 1500)):
            spans.append(
                {
                    "trace_id": trace_id,
                    "span_id": span_id,
                    "parent_id": parent,
                    "service": service,
                    "name": f"op{n % 7}",
                    "start_us": begin_us + off_us,
                    "duration_us": 10_000 - 3 * off_us + n % 100,
                    "n": str(n),
                }
            )
    return spans


def assert_equal(path: Path, spans: list[dict]) -> None:
    """What was sent is what is read: ids, parents, names, times to the microsecond, attributes."""
    found = workbench.read(path)
    assert found.sources[0].skipped == {}
    frame = found.spans.sort_values(["trace_id", "service"], ignore_index=True)
    sent = pd.DataFrame(spans).sort_values(["trace_id", "service"], ignore_index=True)
    for column in ("trace_id", "span_id", "service", "name"):
        assert list(frame[column]) == list(sent[column]), column
    assert list(frame["parent_id"].fillna("")) == list(sent["parent_id"])
    assert list(frame["start"].astype("int64") // 1000) == list(sent["start_us"])
    assert list((frame["duration_s"] * 1e6).round().astype(int)) == list(sent["duration_us"])
    assert [dict(pairs)["n"] for pairs in frame["attributes"]] == list(sent["n"])


@pytest.fixture(scope="module")
def live_jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[dict]]]:
    """A Jaeger that holds the traces in memory."""
    folder = tmp_path_factory.mktemp("jaeger")
    package = "github.com/jaegertracing/jaeger/cmd/all-in-one"
    program = build(GO / "jaeger", package, out=folder / "jaeger")
    otlp, api, *others = free_ports(12)
    flags = {"collector.otlp.http.host-port": otlp, "query.http-server.host-port": api} | dict(
        zip(
            (
                "collector.otlp.grpc.host-port",
                "query.grpc-server.host-port",
                "admin.http.host-port",
                "collector.http-server.host-port",
                "collector.grpc-server.host-port",
                "http-server.host-port",
                "processor.jaeger-compact.server-host-port",
                "processor.jaeger-binary.server-host-port",
                "processor.zipkin-compact.server-host-port",
            ),
            others,
            strict=False,
        )
    )
    command = [
        program,
        f"--collector.queue-size={4 * TRACES}",
        *(f"--{name}=127.0.0.1:{port}" for name, port in flags.items()),
    ]
    url, spans = f"http://127.0.0.1:{api}", made()
    with running(command, lambda: ask(f"{url}/api/services"), folder):
        for service in ("gateway", "orders"):
            own = [otlp_span(span) for span in spans if span["service"] == service]
            resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
            body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": own}]}]}
            ask(f"http://127.0.0.1:{otlp}/v1/traces", body)
        wait_for(lambda: ask(f"{url}/api/traces/{spans[-1]['trace_id']}"))
        yield url, spans


def otlp_span(span: dict) -> dict:
    begin_ns = span["start_us"] * 1000
    return {
        "traceId": span["trace_id"],
        "spanId": span["span_id"],
        "parentSpanId": span["parent_id"],
        "name": span["name"],
        "kind": 2,
        "startTimeUnixNano": str(begin_ns),
        "endTimeUnixNano": str(begin_ns + span["duration_us"] * 1000),
        "attributes": [{"key": "n", "value": {"intValue": span["n"]}}],
    }


@pytest.fixture(scope="module")
def live_zipkin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[dict]]]:
    """A Zipkin that holds the traces in memory."""
    folder = tmp_path_factory.mktemp("zipkin")
    java, maven = need_program("java", "Install a JDK"), need_program("mvn", "apt-get install maven")
    copy = [maven, "-q", "-B", "dependency:copy", f"-Dartifact={ZIPKIN}", f"-DoutputDirectory={folder}"]
    for offline in (["-o"], []):  # what an earlier run fetched is enough
        if not subprocess.run([*copy, *offline], capture_output=True, timeout=600, cwd=folder).returncode:
            break
    else:
        absent("Zipkin cannot be downloaded")
    [port] = free_ports(1)
    ports = {"ip": "127.0.0.1", "port": port, "protocols[0]": "http"}
    command = [java, "-Xmx256m", "-jar", next(folder.glob("*.jar"))]
    command += [f"--armeria.ports[0].{key}={value}" for key, value in ports.items()]
    url, spans = f"http://127.0.0.1:{port}", made()
    with running(command, lambda: ask(f"{url}/health"), folder):
        ask(f"{url}/api/v2/spans", [zipkin_span(span) for span in spans])
        yield url, spans


def zipkin_span(span: dict) -> dict:
    return {
        "traceId": span["trace_id"],
        "id": span["span_id"],
        **({"parentId": span["parent_id"]} if span["parent_id"] else {}),
        "name": span["name"],
        "kind": "SERVER",
        "timestamp": span["start_us"],
        "duration": span["duration_us"],
        "localEndpoint": {"serviceName": span["service"]},
        "tags": {"n": span["n"]},
    }


def test_what_jaeger_was_sent_is_what_is_recorded(live_jaeger, tmp_path: Path):
    url, spans = live_jaeger
    path = jaeger.record(url, tmp_path / "jaeger.json.gz", start=START, end=END, limit=200)
    assert_equal(path, spans)


def test_what_zipkin_was_sent_is_what_is_recorded(live_zipkin, tmp_path: Path):
    url, spans = live_zipkin
    path = zipkin.record(url, tmp_path / "zipkin.json.gz", start=START, end=END, limit=200)
    assert_equal(path, spans)


@pytest.mark.parametrize("name", ["jaeger", "zipkin"])
def test_an_hour_in_which_nothing_was_sent_is_named(name, request, tmp_path: Path):
    url, _ = request.getfixturevalue(f"live_{name}")
    record = {"jaeger": jaeger, "zipkin": zipkin}[name].record
    with pytest.raises(CollectError, match="no trace in the window"):
        record(url, tmp_path / "x.json", start=END + timedelta(hours=1), end=END + timedelta(hours=2))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Go program with net/http/pprof."""
    program = build(GO / "pprof", ".", out=tmp_path_factory.mktemp("pprof") / "shop")
    child = subprocess.Popen([program], stdout=subprocess.PIPE, text=True)
    yield f"http://{child.stdout.readline().strip()}"
    child.kill()
    child.wait()
    child.stdout.close()


def test_every_profile_of_a_go_program_is_recorded_and_read(shop: str, tmp_path: Path):
    paths = {p.name: workbench.read(p) for p in pprof.record(shop, tmp_path, 2)}
    assert set(paths) == {
        f"{kind}.pb.gz"
        for kind in ("allocs", "block", "goroutine", "heap", "mutex", "profile", "threadcreate")
    }
    for name in ("allocs", "block", "goroutine", "heap", "mutex", "profile"):
        assert "main.order" in set(paths[f"{name}.pb.gz"].frames["function"]), name
    cpu = paths["profile.pb.gz"].stacks
    assert 0.1e9 < cpu.loc[cpu["type"] == "cpu", "value"].sum() < 4.5e9  # two cores for two seconds

    def delay_s(capture: workbench.Capture) -> float:
        stacks = capture.stacks
        return stacks.loc[stacks["type"] == "delay", "value"].sum() / 1e9

    assert delay_s(paths["mutex.pb.gz"]) < 2.5  # of these two seconds, not since the start


def test_the_goroutines_of_a_go_program_are_read_with_their_states(shop: str, tmp_path: Path):
    [path] = pprof.record(shop, tmp_path, kinds=["goroutine-list"])
    states = {dict(labels)["state"] for labels in workbench.read(path).stacks["labels"]}
    assert {"running", "chan receive"} <= states
