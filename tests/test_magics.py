"""`%%promql` against a real Prometheus that scrapes itself, for some seconds."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench
from tests.collectors.loopback import matrix, plain, prometheus
from tests.needs import need_program
from workbench.collectors.query import query_range
from workbench.errors import CollectError
from workbench.magics import promql

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: itself
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
PATIENCE_S = 30


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A Prometheus of its own, ended whatever happens."""
    program = need_program("prometheus", "apt-get install prometheus")
    place = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (place / "prometheus.yml").write_text(CONFIG.format(port=port))
    arguments = [f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    address = f"127.0.0.1:{port}"
    with open(place / "log", "w") as log:
        running = subprocess.Popen(
            [program, *arguments, f"--web.listen-address={address}"], stdout=log, stderr=log
        )
    try:
        _until_scraped(f"http://{address}")
        yield f"http://{address}"
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def _until_scraped(url: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{url}/api/v1/query?query=count_over_time(up[1m])", timeout=2) as answer,
        ):
            if b'"2"' in answer.read():
                return
        time.sleep(0.1)
    pytest.fail(f"Prometheus at {url} scraped nothing within {PATIENCE_S} s")


def test_a_query_gives_a_wide_frame_by_time(url):
    frame = promql(f"{url} --minutes 1 --step 1", "up\n")
    assert len(frame.columns) == 1
    assert frame.columns[0].startswith("up{")
    assert "job='itself'" in frame.columns[0]
    assert set(frame.iloc[:, 0].dropna()) <= {0.0, 1.0}
    assert frame.index.is_monotonic_increasing
    assert str(frame.index.tz) == "UTC"


def test_each_series_has_a_column_and_the_values_are_those_of_the_api(url):
    window = {"start": datetime.now(UTC) - timedelta(seconds=20), "end": datetime.now(UTC)}
    frame = promql(
        f"{url} --start {window['start'].isoformat()} --end {window['end'].isoformat()} --step 2",
        "vector(7) or label_replace(vector(8), 'which', 'other', '', '')",
    )
    assert sorted(frame.iloc[-1]) == [7.0, 8.0]
    assert any("which='other'" in name for name in frame.columns)
    assert np.isfinite(frame.to_numpy()).all()


def test_nothing_found_is_an_empty_frame(url):
    assert promql(f"{url} --minutes 1", "no_such_metric").empty


def test_a_query_that_is_wrong_says_what_the_server_said(url):
    with pytest.raises(CollectError, match="parse error"):
        promql(f"{url} --minutes 1", "rate(up[")


def test_what_the_server_remarks_is_a_warning():
    answer = plain(200, matrix(warnings=["a store is down"]))
    with (
        prometheus(answer) as (url, _),
        pytest.warns(UserWarning, match="the server's warnings: a store is down"),
    ):
        assert promql(f"{url} --minutes 1", "up").empty


def test_a_tenant_and_a_token_are_sent(tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    with prometheus(plain(200, matrix())) as (url, asked):
        promql(f"{url} --tenant acme --token-file {tmp_path / 'token'}", "up")
    assert asked[0][1]["X-Scope-OrgID"] == "acme"
    assert asked[0][1]["Authorization"] == "Bearer s3cret"
    with pytest.raises(CollectError, match="cannot be read"):
        promql(f"{url} --token-file {tmp_path / 'absent'}", "up")


def test_a_long_window_is_asked_in_parts_and_comes_as_one(url):
    """Prometheus gives 11 000 points at most; 4 h at 1 s are 14 401."""
    end = datetime.now(UTC).replace(microsecond=0)
    answers = query_range(url, "vector(1)", start=end - timedelta(hours=4), end=end, step_s=1)
    assert len(answers) > 1
    frame = promql(
        f"{url} --start {(end - timedelta(hours=4)).isoformat()} --end {end.isoformat()} --step 1",
        "vector(1)",
    )
    assert len(frame) == 4 * 3600 + 1
    assert not frame.index.duplicated().any()


@pytest.mark.parametrize(
    "line",
    ["", "http://127.0.0.1:9 --minutes soon", "http://127.0.0.1:9 --stop", "'http://127.0.0.1:9", "-h"],
)
def test_a_line_that_is_wrong_says_what_is_right(line, capsys):
    with pytest.raises(CollectError, match=r"%%promql: .*expected usage: %%promql"):
        promql(line, "up")
    assert capsys.readouterr().err == ""


def test_a_window_without_a_zone_or_backwards_is_refused():
    for window in (
        "--start 2026-11-20T10:00:00 --end 2026-11-20T10:01:00",
        "--start 2026-11-20T10:01:00+00:00 --end 2026-11-20T10:00:00+00:00",
    ):
        with pytest.raises(CollectError, match="expected two times with a zone, start first"):
            promql(f"http://127.0.0.1:9 {window}", "up")


def test_a_step_of_nothing_is_refused():
    with pytest.raises(CollectError, match="a step of 0 s; expected at least 1 s"):
        promql("http://127.0.0.1:9 --minutes 1 --step 0", "up")


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(CollectError, match=r"127\.0\.0\.1:9"):
        promql("http://127.0.0.1:9 --minutes 1", "up")


def test_load_ext_registers_it():
    shell = InteractiveShell.instance()
    try:
        workbench.load_ipython_extension(shell)
        assert shell.find_cell_magic("promql") is not None
        with pytest.raises(CollectError):
            shell.run_cell_magic("promql", "http://127.0.0.1:9 --minutes 1", "up")
    finally:
        InteractiveShell.clear_instance()
