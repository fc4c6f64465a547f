"""Two scrapes of a real exporter alone give rates, latency, errors, utilisation and findings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.scrapes import SECONDS, capture, grown, text, total
from workbench.analysis.catalogue import catalogue
from workbench.analysis.findings import findings
from workbench.analysis.latency import latency
from workbench.analysis.pools import pools
from workbench.analysis.rates import rates
from workbench.analysis.resources import resources
from workbench.capture import Capture

SCRAPED = (
    "spring", "go", "opentelemetry", "envoy", "haproxy", "nginx_exporter", "nginx_vts", "pgbouncer_exporter",
)  # fmt: skip


@pytest.fixture(scope="module")
def scraped(tmp_path_factory) -> dict[str, tuple[str, str, Capture]]:
    pairs = {name: (text(f"{name}-1"), text(f"{name}-2")) for name in SCRAPED}
    return {name: (*pair, capture(tmp_path_factory.mktemp(name), *pair)) for name, pair in pairs.items()}


def rate_and_errors(found: Capture, service: str = "shop") -> tuple[float, float]:
    table = rates(found, step_s=SECONDS).set_index("service")
    return float(table.at[service, "rate_rps"]), float(table.at[service, "error_share"])


def pool(found: Capture, service: str, name: str = "") -> pd.Series:
    return pools(found).set_index(["service", "pool"]).loc[(service, name)]


def quantile(q: float, uppers: list[float], counts: list[float]) -> float:
    """Interpolate in the bucket that the rank falls into, as PromQL's documentation describes it."""
    rank, low, under = q * counts[-1], 0.0, 0.0
    for upper, count in zip(uppers, counts, strict=True):
        if count >= rank:
            return low if np.isinf(upper) else low + (upper - low) * (rank - under) / (count - under)
        low, under = upper, count
    raise AssertionError


def test_spring_alone_gives_the_rate_and_errors_of_the_application(scraped):
    first, second, found = scraped["spring"]
    name, uris = "http_server_requests_seconds_count", ("/orders/{id}", "/carts/{id}")
    served = grown(first, second, name, uri=uris)
    failed = grown(first, second, name, uri=uris, status="503")
    assert 0 < failed < served
    assert rate_and_errors(found) == pytest.approx((served / SECONDS, failed / served))


def test_spring_alone_gives_latency_of_what_was_not_turned_away(scraped):
    first, second, found = scraped["spring"]
    bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "+Inf"]
    uris = ("/orders/{id}", "/carts/{id}")
    name = "http_server_requests_seconds_bucket"
    counts = [grown(first, second, name, le=le, uri=uris, status="200") for le in bounds]
    table = latency(found, step_s=SECONDS).set_index("q")
    for q in (0.5, 0.95, 0.99):
        expected = quantile(q, [float(le) for le in bounds], counts)
        assert table.at[q, "value_s"] == pytest.approx(expected)


def test_tomcat_is_the_pool_of_a_spring_service_and_hikari_one_beside_it(scraped):
    first, second, found = scraped["spring"]
    busy = (total(first, "tomcat_threads_busy_threads") + total(second, "tomcat_threads_busy_threads")) / 2
    assert pool(found, "shop")["utilisation"] == pytest.approx(busy / 20)
    hikari = pool(found, "shop", "HikariPool-1")
    active = (total(first, "hikaricp_connections_active") + total(second, "hikaricp_connections_active")) / 2
    assert (hikari["size"], hikari["busy"]) == (4, active)


def test_spring_says_what_cpu_and_collections_took(scraped):
    first, second, found = scraped["spring"]
    row = resources(found).set_index("service").loc["shop"]
    cpu_s = grown(first, second, "process_cpu_time_ns_total") / 1e9
    stopped_s = grown(first, second, "jvm_gc_pause_seconds_sum")
    assert row[["cpu_cores", "gc_pause_share"]].tolist() == pytest.approx(
        [cpu_s / SECONDS, stopped_s / SECONDS]
    )


def test_http_and_grpc_of_a_go_service_add_up_and_only_failures_of_the_server_count(scraped):
    first, second, found = scraped["go"]
    http = grown(first, second, "http_requests_total")
    grpc = grown(first, second, "grpc_server_handled_total")
    failed = grown(first, second, "http_requests_total", code="503")  # gRPC's NotFound is the caller's fault
    assert http > 0 < grpc
    assert rate_and_errors(found) == pytest.approx(((http + grpc) / SECONDS, failed / (http + grpc)))


def test_the_connections_of_database_sql_are_a_pool_and_waiting_for_them_is_littles_law(scraped):
    first, second, found = scraped["go"]
    row = pool(found, "shop", "shop")
    assert (row["size"], row["busy"], row["saturated_share"]) == (4, 4, 1.0)
    waited_s = grown(first, second, "go_sql_wait_duration_seconds_total")
    assert row["queue"] == pytest.approx(waited_s / SECONDS)
    assert any("all connections of shop in use 100 %" in finding.text for finding in findings(found))


def test_opentelemetry_gives_rate_and_errors_of_http_and_grpc(scraped):
    first, second, found = scraped["opentelemetry"]
    http = grown(first, second, "http_server_request_duration_seconds_count")
    grpc = grown(first, second, "rpc_server_call_duration_seconds_count")
    name = "http_server_request_duration_seconds_count"
    failed = grown(first, second, name, http_response_status_code="503")
    assert rate_and_errors(found) == pytest.approx(((http + grpc) / SECONDS, failed / (http + grpc)))


@pytest.mark.parametrize(
    ("service", "metric", "label"),
    [
        ("shop", "envoy_cluster_upstream_rq_xx", "envoy_cluster_name"),
        ("edge", "envoy_http_downstream_rq_xx", "envoy_http_conn_manager_prefix"),
    ],
)
def test_envoy_tells_of_its_clusters_and_of_what_it_answers_itself(scraped, service, metric, label):
    first, second, found = scraped["envoy"]
    served = grown(first, second, metric, **{label: service})
    failed = grown(first, second, metric, **{label: service}, envoy_response_code_class="5")
    assert rate_and_errors(found, service) == pytest.approx((served / SECONDS, failed / served))


def test_milliseconds_of_envoy_become_seconds(scraped):
    first, second, found = scraped["envoy"]
    table = latency(found, step_s=SECONDS).set_index(["service", "q"])
    name = "envoy_cluster_upstream_rq_time"
    mean_ms = grown(first, second, f"{name}_sum") / grown(first, second, f"{name}_count")
    assert table.at[("shop", 0.5), "value_s"] == pytest.approx(mean_ms / 1000, rel=0.5)
    assert table.at[("shop", 0.5), "n"] == grown(first, second, f"{name}_count")


def test_envoy_at_its_limit_of_connections_is_a_full_pool(scraped):
    first, second, found = scraped["envoy"]
    opened = "envoy_cluster_circuit_breakers_default_cx_open"
    assert pool(found, "shop")["saturated_share"] == (total(first, opened) + total(second, opened)) / 2 > 0


def test_haproxy_tells_rate_errors_and_the_full_server_behind_it(scraped):
    first, second, found = scraped["haproxy"]
    name = "haproxy_backend_http_responses_total"
    served = grown(first, second, name, proxy="shop")
    failed = grown(first, second, name, proxy="shop", code="5xx")
    assert rate_and_errors(found) == pytest.approx((served / SECONDS, failed / served))
    row = pool(found, "shop")
    queued = [total(scrape, "haproxy_backend_current_queue", proxy="shop") for scrape in (first, second)]
    assert row[["size", "utilisation", "queue"]].tolist() == [3, 1.0, sum(queued) / 2]
    assert findings(found)[0].text == "shop: all 3 workers busy 100 % of the time"


def test_both_exporters_of_haproxy_are_understood_alike(tmp_path):
    scrape = text("haproxy_exporter")
    row = pool(capture(tmp_path, scrape, scrape), "shop")
    assert row[["size", "busy"]].tolist() == [3, 3]


def test_nginx_without_statuses_has_a_rate_and_no_opinion_on_errors(scraped):
    first, second, found = scraped["nginx_exporter"]
    rate, errors = rate_and_errors(found)
    assert rate == pytest.approx(grown(first, second, "nginx_http_requests_total") / SECONDS)
    assert np.isnan(errors)


@pytest.mark.parametrize(
    ("service", "metric", "label"),
    [
        ("shop", "nginx_vts_server_requests_total", "host"),
        ("backend", "nginx_vts_upstream_requests_total", "upstream"),
    ],
)
def test_the_traffic_module_of_nginx_tells_of_hosts_and_of_upstreams(scraped, service, metric, label):
    first, second, found = scraped["nginx_vts"]
    served = grown(first, second, metric, **{label: service})
    failed = grown(first, second, metric, **{label: service}, code="5xx")
    assert rate_and_errors(found, service) == pytest.approx((served / SECONDS, failed / served))
    assert "*" not in set(rates(found)["service"])


def test_the_traffic_module_of_nginx_tells_latency_where_it_has_buckets(scraped):
    first, second, found = scraped["nginx_vts"]
    bounds = ["0.005", "0.010", "0.050", "0.100", "0.500", "1.000", "5.000", "10.000", "+Inf"]
    name = "nginx_vts_server_request_duration_seconds_bucket"
    counts = [grown(first, second, name, host="shop", le=le) for le in bounds]
    table = latency(found, step_s=SECONDS).set_index(["service", "q"])
    expected = quantile(0.95, [float(le) for le in bounds], counts)
    assert table.at[("shop", 0.95), "value_s"] == pytest.approx(expected)


def test_a_database_behind_pgbouncer_is_a_station_with_a_queue(scraped):
    first, second, found = scraped["pgbouncer_exporter"]
    queries = grown(first, second, "pgbouncer_stats_totals_queries_pooled_total", database="shop")
    assert rate_and_errors(found)[0] == pytest.approx(queries / SECONDS)
    row = pool(found, "shop")
    waited_s = grown(first, second, "pgbouncer_stats_totals_client_wait_seconds_total", database="shop")
    assert row[["size", "utilisation", "queue"]].tolist() == pytest.approx([2, 1.0, waited_s / SECONDS])
    assert "pgbouncer" not in set(pools(found)["service"])


def test_cadvisor_tells_of_containers_and_not_of_their_pods(tmp_path):
    scrape = text("cadvisor")
    found = capture(tmp_path, scrape, scrape)
    row = resources(found).set_index("service")
    assert list(row.index) == ["orders"]
    assert row.at["orders", "memory_bytes"] == 250 * 2**20
    used = catalogue(found)
    assert set(used.loc[used["role"] == "throttled_periods", "service"]) == {"orders"}


def test_kube_state_metrics_tells_what_both_pods_together_may_use(tmp_path):
    scrape = text("kube_state_metrics")
    row = resources(capture(tmp_path, scrape, scrape)).set_index("service").loc["orders"]
    assert row[["cpu_limit", "memory_limit_bytes", "replicas"]].tolist() == [3.0, 2 * 512 * 2**20, 2]
