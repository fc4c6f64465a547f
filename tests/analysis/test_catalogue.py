"""Which view of a service counts, and in which unit; mappings by hand; what is there, what is missing."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics
from tests.analysis.scrapes import capture as scraped
from tests.analysis.scrapes import text
from tests.needs import corpus
from workbench import read
from workbench.analysis.catalogue import catalogue, missing, roles
from workbench.analysis.findings import findings
from workbench.analysis.latency import latency
from workbench.analysis.laws import laws
from workbench.analysis.pools import pools
from workbench.analysis.rates import rates
from workbench.analysis.resources import resources
from workbench.capture import Capture
from workbench.errors import Malformed, ReadError

SIDECAR = {"service": "istio-proxy", "instance": "10.0.0.1:15020"}
TO_ORDERS = {
    "destination_canonical_service": "orders",
    "source_canonical_service": "web",
    "destination_workload": "orders-v1",
}


def captured(*series: tuple, step_s: float = 5.0) -> Capture:
    return Capture(start=T0, end=T0 + pd.Timedelta(seconds=10), **metrics(*series, step_s=step_s))


def istio(reporter: str, code: str, values: list[float], name: str = "istio_requests_total", **more: str):
    return name, {**SIDECAR, **TO_ORDERS, "reporter": reporter, "response_code": code, **more}, values


def milliseconds(counts: dict[str, list[float]]) -> list[tuple]:
    name = "istio_request_duration_milliseconds_bucket"
    return [istio("destination", "200", values, name, le=le) for le, values in counts.items()]


def test_a_request_that_both_of_istios_sidecars_report_counts_once():
    found = captured(
        istio("destination", "200", [0, 30, 60]),
        istio("source", "200", [0, 30, 60]),
        istio("destination", "503", [0, 10, 20]),
        istio("destination", "0", [0, 0, 20]),
    )
    row = rates(found, step_s=10).set_index("service").loc["orders"]
    assert row["rate_rps"] == pytest.approx((60 + 20 + 20) / 10)
    assert row["error_share"] == pytest.approx((20 + 20) / 100)


def test_istios_milliseconds_are_seconds_for_everyone():
    found = captured(*milliseconds({"100": [0, 0, 50], "200": [0, 0, 100], "+Inf": [0, 0, 100]}))
    table = latency(found, step_s=10, probabilities=[0.5, 0.75])
    assert table["value_s"].tolist() == pytest.approx([0.1, 0.15])
    assert table["service"].tolist() == ["orders", "orders"]


def test_the_client_side_of_istio_tells_who_called_whom():
    name = "istio_request_duration_milliseconds_count"
    found = captured(istio("destination", "200", [0, 30, 60]), istio("source", "200", [0, 40, 80], name))
    row = laws(found).set_index("law").loc["flow balance"]
    assert row[["service", "left", "right", "holds"]].tolist() == ["orders", 60, 80, False]


def test_the_service_itself_counts_before_its_sidecar():
    own = {"service": "orders", "instance": "orders-0", "status": "200", "uri": "/"}
    found = captured(
        ("http_server_requests_seconds_count", own, [0, 20, 40]), istio("destination", "200", [0, 30, 60])
    )
    assert rates(found, step_s=10)["rate_rps"].tolist() == [4.0]
    table = catalogue(found).set_index("metric")
    assert table.at["http_server_requests_seconds_count", "role"] == "latency"
    assert table.at["istio_requests_total", "role"] == "(requests)"


def test_two_names_of_one_count_are_one_and_two_versions_side_by_side_are_both():
    def of(instance: str, name: str) -> tuple:
        return f"{name}_count", {"service": "orders", "instance": instance}, [0, 10, 20]

    new, old = "http_server_request_duration_seconds", "http_server_duration_milliseconds"
    assert rates(captured(of("a", new), of("a", old)), step_s=10)["rate_rps"].tolist() == [2.0]
    assert rates(captured(of("a", new), of("b", old)), step_s=10)["rate_rps"].tolist() == [4.0]


def test_histograms_of_different_bounds_are_joined_at_the_bounds_that_they_share():
    def bucket(instance: str, le: str, count: float) -> tuple:
        labels = {"service": "a", "instance": instance, "le": le}
        return "http_request_duration_seconds_bucket", labels, [0, 0, count]

    one = [bucket("a-0", le, count) for le, count in (("0.1", 10), ("0.2", 40), ("+Inf", 40))]
    other = [bucket("a-1", le, count) for le, count in (("0.2", 10), ("0.4", 60), ("+Inf", 60))]
    table = latency(captured(*one, *other), step_s=10, probabilities=[0.25])
    assert table["value_s"].tolist() == pytest.approx([0.2 * 25 / 50])  # 50 of 100 at most 0.2


def test_throttling_is_of_the_container_and_not_of_its_pod_or_sidecar():
    def cadvisor(role: str, container: str, values: list[float]) -> tuple:
        labels = {"service": "kubelet", "instance": "node-0", "pod": "orders-x", "container": container}
        return f"container_cpu_cfs_{role}_total", labels, values

    found = captured(
        *(cadvisor("periods", name, [0, 50, 100]) for name in ("orders", "istio-proxy")),
        cadvisor("throttled_periods", "orders", [0, 20, 30]),
        cadvisor("throttled_periods", "istio-proxy", [0, 50, 100]),
    )
    assert resources(found)[["service", "throttled_share"]].to_numpy().tolist() == [["orders", 0.3]]
    assert findings(found)[0].text == "orders: its CPU quota runs out in 30 % of its periods"


def test_naming_by_role_twice_is_naming_once():
    found = captured(
        istio("destination", "200", [0, 30, 60]), istio("source", "200", [0, 30, 60]),
        *milliseconds({"100": [0, 1, 2], "+Inf": [0, 1, 2]}),
    )  # fmt: skip
    once = roles(found)
    twice = roles(once)
    pd.testing.assert_frame_equal(once.samples, twice.samples)
    assert once.series["metric"].tolist() == twice.series["metric"].tolist()
    assert [dict(x) for x in once.series["labels"]] == [dict(x) for x in twice.series["labels"]]


def test_a_recording_rule_named_by_its_role_needs_no_preset():
    found = captured(("role:requests", {"service": "a", "status": "500"}, [0, 5, 10]))
    assert rates(found, step_s=10)[["rate_rps", "error_share"]].to_numpy().tolist() == [[1.0, 1.0]]


OWN = {"service": "exporter", "app": "stock", "outcome": "ok", "kind": "server"}
BY_HAND = (
    ("stock_handler_millis_bucket", {**OWN, "le": "100"}, [0, 5, 20]),
    ("stock_handler_millis_bucket", {**OWN, "le": "+Inf"}, [0, 10, 40]),
    ("stock_handler_millis_count", OWN, [0, 10, 40]),
    ("stock_db_conns", {**OWN, "state": "busy"}, [3, 3, 3]),
    ("stock_db_conns", {**OWN, "state": "idle"}, [1, 1, 1]),
    ("stock_db_conns_max", OWN, [4, 4, 4]),
)
MAPPING = """
latency:
  metric: stock_handler_millis
  unit: ms
  labels: {service: app, status: outcome}
  where: {kind: server}
pool_size: {metric: stock_db_conns_max, labels: {service: app}}
pool_in_use:
  - {metric: stock_db_conns, labels: {service: app}, where: {state: busy}}
"""


def test_a_few_lines_of_yaml_map_what_no_preset_knows(tmp_path):
    path = tmp_path / "mapping.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    found = captured(*BY_HAND)
    assert set(catalogue(found)["preset"]) == {""}
    mapped = roles(found, path)
    assert rates(mapped, step_s=10)[["service", "rate_rps"]].to_numpy().tolist() == [["stock", 4.0]]
    assert latency(mapped, step_s=10, probabilities=[0.25])["value_s"].tolist() == pytest.approx([0.05])
    assert pools(mapped)["utilisation"].tolist() == [0.75]
    table = catalogue(found, path).set_index("metric")
    assert table.loc["stock_handler_millis", ["service", "preset", "role", "type"]].tolist() == [
        "stock", "by hand", "latency", "histogram",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mapping", "where", "found", "expected"),
    [
        ("latencies: x", "latencies", "no role 'latencies'", "latency"),
        ("latency: stock_handler_milis", "latency.metric", "'stock_handler_milis'", "stock_handler_millis"),
        ("latency: {metric: stock_handler_millis, units: ms}", "latency", "no key 'units'", "unit"),
        ("latency: {metric: stock_handler_millis, unit: msec}", "latency.unit", "no unit 'msec'", "ms"),
        ("latency: {metric: stock_handler_millis, labels: {a: kind}}", "latency.labels", "'a'", "status"),
        ("latency: {metric: stock_handler_millis, labels: {status: x}}", "latency.labels", "'x'", "outcome"),
        ("pool_size: {metric: stock_db_conns_max, where: {stat: a}}", "pool_size.where", "'stat'", "one of"),
        ("latency: {metric: stock_handler_millis, where: {kind: (}}", "where.kind", "'('", "pattern"),
        ("latency: {metric: stock_handler_millis, unit: [ms]}", "latency.unit", "['ms']", "ms"),
        ("latency: {metric: stock_handler_millis, values: 5}", "latency.values", "5", "theirs"),
        ("latency: 5", "latency", "5 without a metric", "role: metric"),
        ("- latency", "mapping.yaml", "['latency']", "role: metric"),
        ("", "mapping.yaml", "nothing", "role: metric"),
        ("latency: {metric: a\nb", "line 2", "not YAML", "role: metric"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_told_with_its_place_and_what_is_right(
    tmp_path, mapping, where, found, expected
):
    path = tmp_path / "mapping.yaml"
    path.write_text(mapping, encoding="utf-8")
    with pytest.raises(Malformed) as error:
        roles(captured(*BY_HAND), path)
    assert where in error.value.where
    assert found in error.value.found
    assert expected in error.value.expected


def test_a_mapping_that_is_not_there_is_an_error_of_reading(tmp_path):
    with pytest.raises(ReadError, match="No such file"):
        roles(captured(*BY_HAND), tmp_path / "absent.yaml")


def test_what_is_missing_names_the_exporters_own_metric_and_how_to_switch_it_on(tmp_path):
    def without(scrape: str, *names: str) -> str:
        return "\n".join(line for line in scrape.splitlines() if not line.startswith(names))

    cut = ("http_server_requests_seconds_bucket", "tomcat_threads", "hikaricp_connections_max")
    spring = without(text("spring-1"), *cut)
    found = missing(scraped(tmp_path, spring, spring)).set_index("role")
    assert found.at["latency", "without"] == "quantiles of its latency"
    hint = "management.metrics.distribution.percentiles-histogram.http.server.requests=true"
    assert found.at["latency", "fill"] == f"Micrometer: http_server_requests_seconds ({hint})"
    assert found.at["pool_size", "fill"] == "HikariCP: hikaricp_connections_max"
    assert set(found.index) == {"latency", "pool_size"}


def test_nothing_is_missing_of_spring_as_recorded(tmp_path):
    assert missing(scraped(tmp_path, text("spring-1"), text("spring-2"))).empty


def test_every_metric_of_the_recorded_exporters_has_a_known_owner(tmp_path):
    both = text("spring-1") + text("go-1") + text("opentelemetry-1") + text("haproxy-1") + text("envoy-1")
    table = catalogue(scraped(tmp_path, both, both))
    assert table.loc[table["preset"] == "", "metric"].tolist() == []


def test_the_catalogue_of_a_whole_foreign_scrape_counts_its_series():
    path = corpus(
        "prometheus", "prometheus+prometheus", "model", "textparse", "testdata", "alltypes.237mfs.prom.txt"
    )
    found = read(path, service="prometheus")
    table = catalogue(found)
    assert table["series"].sum() == len(found.series)
    known = table.set_index("metric")
    assert known.at["prometheus_http_request_duration_seconds", "role"] == "latency"
    assert known.at["prometheus_http_request_duration_seconds", "type"] == "histogram"
    assert known.at["go_gc_duration_seconds", "role"] == "gc_pause"


def test_an_empty_capture_has_an_empty_catalogue_and_misses_nothing():
    assert catalogue(Capture()).empty
    assert missing(Capture()).empty
    assert roles(Capture()).series.empty
