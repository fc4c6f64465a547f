"""From files to findings: targets read, lines found, the YAML of what belongs to what."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.needs import ROOT
from tests.twin import hand
from workbench import consistency, targets
from workbench.capture import Capture
from workbench.consistency import ERROR, File, Topology, line_of
from workbench.errors import SettingError, TargetError
from workbench.knobs import all_knobs, lab
from workbench.twin.simulate import simulate

MESH = """\
kind: VirtualService
apiVersion: networking.istio.io/v1
metadata: {name: orders}
spec:
  hosts: [orders]
  http:
    - route: [{destination: {host: orders}}]
      retries:
        attempts: 2
        perTryTimeout: 800ms
---
kind: DestinationRule
apiVersion: networking.istio.io/v1
metadata: {name: orders}
spec:
  host: orders
  trafficPolicy:
    connectionPool:
      tcp:
        maxConnections: 4294967295
"""
POOL = "maximumPoolSize=10\nconnectionTimeout=30000\n"
SYSTEM = """\
services:
  gateway: {calls: [orders], replicas: 3}
  orders: {calls: [payments], replicas: 4}
  payments:
files:
  settings.yaml: lab_yaml
  mesh.yaml: istio
  pool.properties: {target: hikari, service: orders}
"""


@pytest.fixture
def folder(tmp_path):
    """The incident's settings, a mesh and a pool of connections."""
    shutil.copy(ROOT / "data/captures/shop-incident/settings.yaml", tmp_path / "settings.yaml")
    (tmp_path / "mesh.yaml").write_text(MESH)
    (tmp_path / "pool.properties").write_text(POOL)
    (tmp_path / "system.yaml").write_text(SYSTEM)
    return tmp_path


@pytest.fixture
def found(folder):
    topology, files = consistency.topology_of(folder / "system.yaml")
    return consistency.check_files(files, topology)


def test_layers_are_held_against_each_other_with_files_and_lines(found, folder):
    """One try of the lab's gateway lasts 1 s, in which the mesh tries 3 times for 0.8 s."""
    one = next(f for f in found if "one try of gateway" in f.what)
    assert one.severity == ERROR
    assert "gateway may wait 2.4 s for orders (3 × 800 ms)" in one.what
    by_key = {s.key.rpartition(".")[2]: (Path(s.file).name, s.line) for s in one.places}
    lines = MESH.splitlines()
    assert by_key["perTryTimeout"] == ("mesh.yaml", 1 + lines.index("        perTryTimeout: 800ms"))
    assert by_key["attempts"] == ("mesh.yaml", 1 + lines.index("        attempts: 2"))
    assert by_key["timeout_s"][0] == "settings.yaml"
    assert f"{folder / 'mesh.yaml'}:9: orders/VirtualService" in one.text()


def test_retries_of_lab_and_mesh_multiply(found):
    """3 tries of the gateway, 3 of its sidecar, 3 of orders."""
    assert "27 tries at payments" in next(f for f in found if f.rule == "retries").what


def test_the_default_of_a_mesh_is_no_limit(found):
    one = next(f for f in found if f.rule == "breakers")
    assert "4294967295" in one.what
    assert one.places[0].line == 1 + MESH.splitlines().index("        maxConnections: 4294967295")


def test_a_mesh_that_says_nothing_of_connections_has_no_breaker(folder):
    """Istio's default is 4294967295; one threshold of the host is a breaker."""
    (folder / "mesh.yaml").write_text(MESH.partition("---")[0])
    topology, _ = consistency.topology_of(folder / "system.yaml")
    found = consistency.check_files([folder / "mesh.yaml"], topology)
    assert [one.rule for one in found] == ["breakers"]
    assert "towards orders never trips: unset, which is 4294967295, no limit" in found[0].what
    bounded = MESH.replace("tcp:", "http:").replace("maxConnections: 4294967295", "http2MaxRequests: 50")
    (folder / "mesh.yaml").write_text(bounded)
    assert consistency.check_files([folder / "mesh.yaml"], topology) == []


def test_threads_that_wait_for_a_connection_longer_than_their_caller_waits_are_found(folder):
    """A try of the mesh lasts 800 ms: 4 workers never wait for one of 10 connections, 12 may for 30 s."""
    topology, files = consistency.topology_of(folder / "system.yaml")
    assert not [one for one in consistency.check_files(files, topology) if "connections to" in one.what]
    text = (folder / "settings.yaml").read_text()
    (folder / "settings.yaml").write_text(text.replace("workers: 4\n", "workers: 12\n"))
    one = next(one for one in consistency.check_files(files, topology) if "connections to" in one.what)
    assert "12 threads of orders share 10 connections to payments" in one.what
    assert "wait 30 s for its turn, while its caller waits 800 ms" in one.what
    lines = {s.key: s.line for s in one.places}
    assert (lines["orders/maximumPoolSize"], lines["orders/connectionTimeout"]) == (1, 2)


def test_claims_say_seconds_whatever_the_file_says(folder):
    topology, files = consistency.topology_of(folder / "system.yaml")
    said = {s.key: s for s in consistency.claims_of(files, topology).said}
    wait = said["orders/connectionTimeout"]
    assert (wait.value, wait.service, wait.to, wait.shown) == (30.0, "orders", "payments", "30000 ms")
    assert said["orders/VirtualService.http[].retries.attempts"].value == 3  # two retries


CLUSTER = """\
kind: Deployment
apiVersion: apps/v1
metadata: {name: orders}
spec:
  replicas: 4
  template:
    spec:
      terminationGracePeriodSeconds: 5
      containers:
        - name: orders
          resources:
            limits: {cpu: 500m, memory: 1Gi}
---
kind: HorizontalPodAutoscaler
apiVersion: autoscaling/v2
metadata: {name: orders}
spec:
  scaleTargetRef: {kind: Deployment, name: orders}
  minReplicas: 4
  maxReplicas: 30
"""


def test_cluster_jvm_pool_and_database_are_held_against_each_other(folder):
    """30 pods × 10 connections before 100, 1 GiB of heap in a container of 1 GiB, 5 s of grace for 9 s."""
    (folder / "kubernetes.yaml").write_text(CLUSTER)
    (folder / "orders.jvm").write_text("-Xmx1g\n")
    (folder / "postgresql.conf").write_text("# main\nmax_connections = 100\n")
    topology, _ = consistency.topology_of(folder / "system.yaml")
    named = ["kubernetes=kubernetes.yaml", "jvm_args/orders=orders.jvm", "hikari/orders=pool.properties"]
    named += ["postgresql/payments=postgresql.conf"]
    files = [replace(file, path=folder / file.path) for file in map(File.named, named)]
    found = {one.rule: one for one in consistency.check_files(files, topology)}
    assert set(found) == {"pools", "memory"}
    assert "300 connections (30 × 10) before payments, which takes 97" in found["pools"].what
    assert "heap of orders is 1,024 MiB, 100% of its container's 1,024 MiB" in found["memory"].what
    places = {s.key.rpartition(".")[2].rpartition("/")[2]: s for one in found.values() for s in one.places}
    lines = CLUSTER.splitlines()
    assert places["maxReplicas"].line == 1 + lines.index("  maxReplicas: 30")
    assert places["memory"].line == 1 + lines.index("            limits: {cpu: 500m, memory: 1Gi}")
    assert places["max_connections"].line == 2
    assert places["Xmx"].line == 1
    slow = Topology({**topology.services, "orders": replace(topology.services["orders"], tail_s=9.0)})
    late = next(one for one in consistency.check_files(files, slow) if one.rule == "shutdown")
    assert "orders is killed 5 s after the signal, but may take 9 s" in late.what


def test_a_file_is_recognised_by_what_it_sets(folder):
    topology, _ = consistency.topology_of(folder / "system.yaml")
    (folder / "mesh.yaml").rename(folder / "anything.yaml")
    assert consistency.check_files([folder / "anything.yaml"], topology)[0].rule == "breakers"
    (folder / "nothing.txt").write_text("Dear reader,\n")
    with pytest.raises(TargetError, match=r"nothing.txt: no setting that a target knows.*TARGET=FILE"):
        consistency.check_files([folder / "nothing.txt"], topology)
    with pytest.raises(TargetError, match=r"nowhere: no such file"):
        consistency.check_files([folder / "nowhere"], topology)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a/b.yaml", File(Path("a/b.yaml"))),
        ("istio=a=b.yaml", File(Path("a=b.yaml"), "istio")),
        ("hikari/db=pool.properties", File(Path("pool.properties"), "hikari", "db")),
    ],
)
def test_a_file_may_be_named_with_its_target_and_service(text, expected):
    assert File.named(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: [1", "not YAML"),
        (
            "services: {a: {cals: [b]}}",
            r"services.a: 'cals'; expected keys calls, replicas, rps, tail_s, pre_stop_s",
        ),
        ("services: {a: {calls: b}}", r"services.a.calls: 'b'; expected a list of services"),
        ("services: {a: {replicas: -1}}", r"services.a.replicas: -1; expected a number above 0"),
        ("services: {a: {replicas: true}}", r"services.a.replicas: True; expected a number above 0"),
        ("servces: {}", r"'servces'; expected keys services, files"),
        ("[1, 2]", r"expected keys services, files"),
        ("services: {a: {}}\nfiles: {x: {taget: lab}}", r"files.x: 'taget'"),
    ],
)
def test_a_topology_that_is_wrong_is_told_where(text, message, tmp_path):
    (tmp_path / "system.yaml").write_text(text)
    with pytest.raises(SettingError, match=message):
        consistency.topology_of(tmp_path / "system.yaml")


def test_no_services_is_an_error_in_words(tmp_path):
    (tmp_path / "x").write_text("maximumPoolSize=10\n")
    with pytest.raises(SettingError, match=r"no services.*Write them into a YAML"):
        consistency.check_files([tmp_path / "x"], consistency.Topology({}))


def test_a_network_is_checked_without_files():
    """Two tries at 0.6 s for orders, which the client waits 10 s for: in order; then 20 tries are not."""
    network = lab.network_from(hand.CALM, hand.CALLS)
    assert consistency.check(consistency.network_claims(network)) == []
    eager = network.set("orders.calls.payments.attempts", 4)
    found = consistency.check(consistency.network_claims(eager))
    assert [one.rule for one in found] == ["deadlines"]
    assert (
        "orders may wait 4.07 s for payments (4 × 1 s + 70 ms of backoff), but orders has 2 s"
        in found[0].what
    )


def test_the_line_is_that_of_the_value_in_every_format():
    text = "# 10\nmaximumPoolSize = 10\nidleTimeout: \\\n  60000\n"
    network = lab.network_from(hand.CALM, hand.CALLS)
    knobs = [knob for knob in all_knobs("hikari", network) if knob.service == "orders"]
    module = targets.target("hikari")
    assert line_of(module, text, "orders/maximumPoolSize", knobs) == 2
    assert line_of(module, text, "orders/idleTimeout", knobs) == 4
    assert line_of(module, text, "orders/maxLifetime", knobs) == 0


def test_a_recording_shows_who_calls_whom_how_often_and_how_long():
    """40/s come by hand; one visit of each service for each."""
    capture = simulate(hand.twin(), duration_s=60, seed=5)
    topology = consistency.topology_from(capture)
    assert {name: list(s.calls) for name, s in topology.services.items()} == hand.CALLS
    for name, service in topology.services.items():
        served = capture.spans[(capture.spans["kind"] == "server") & (capture.spans["service"] == name)]
        assert service.rps == pytest.approx(40, rel=0.15)
        assert np.sort(served["duration_s"])[-8] <= service.tail_s <= served["duration_s"].max()
    with pytest.raises(SettingError, match="no server spans"):
        consistency.topology_from(Capture("nothing"))
