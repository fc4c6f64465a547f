"""`record` against servers that misbehave; tests/lab/test_live.py has it against a real Prometheus."""

import base64
import gzip
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.collectors.loopback import NAMES, cut_off, hang, matrix, plain, prometheus, sound
from workbench.collectors.record import Evidence, record
from workbench.errors import CollectError
from workbench.readers import read

START, END = datetime(2026, 11, 20, 10, 0, tzinfo=UTC), datetime(2026, 11, 20, 10, 1, tzinfo=UTC)
T0 = int(START.timestamp())
ANSWER = matrix({"metric": {"job": "a"}, "values": [[T0, "1"]]})


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (plain(401, b"Unauthorized", "text/plain"), "Give credentials"),
        (plain(200, b"<html>Sign in", "text/html"), "application/json"),
        (plain(200, {"status": "success", "data": []}), "no series match"),
        (plain(200, {"status": "success", "data": [1]}), "no list of names"),
        (plain(200, {"status": "success", "data": {"up": 1}}), "no list of names"),
        (cut_off, "no answer"),
        (hang, "no whole answer within 0.3 s"),
    ],
)
def test_an_answer_that_is_none_is_named_and_leaves_nothing(tmp_path, fault, word):
    with prometheus(fault) as (url, _), pytest.raises(CollectError) as error:
        record(tmp_path / "capture", start=START, end=END, prometheus=url, timeout_s=0.3, tries=1)
    assert url in str(error.value)
    assert word in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_fault_in_the_middle_leaves_what_was_answered_for_the_next_time(tmp_path):
    def latency_is_wrong(handler):
        (plain(422, b"") if "latency" in handler.path and "range" in handler.path else sound)(handler)

    asked = {"start": START, "end": END, "parallel": 1}
    with prometheus(*[latency_is_wrong] * 4, sound) as (url, told):
        with pytest.raises(CollectError, match="HTTP 422"):
            record(tmp_path / "capture", prometheus=url, **asked)
        (left,) = tmp_path.iterdir()
        assert left.name == ".capture.answers"
        first = len(told)
        record(tmp_path / "capture", prometheus=url, **asked)
    again = [path for path, _ in told[first:] if "query_range" in path]
    assert len(again) == 1
    assert "latency" in again[0]
    assert [path.name for path in tmp_path.iterdir()] == ["capture"]


def test_a_cache_spares_a_second_recording_the_questions(tmp_path):
    with prometheus(sound) as (url, asked):
        for folder in ("a", "b"):
            record(tmp_path / folder, start=START, end=END, prometheus=url, cache=tmp_path / "cache")
    assert sum("query_range" in path for path, _ in asked) == 2
    files = [{p.name: p.read_bytes() for p in (tmp_path / f / "metrics").iterdir()} for f in ("a", "b")]
    assert files[0] == files[1]


def test_a_prometheus_that_is_not_there_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CollectError, match=f"127.0.0.1:{port}.*: no answer: connection refused"):
        record(tmp_path / "capture", start=START, end=END, prometheus=f"http://127.0.0.1:{port}")
    assert list(tmp_path.iterdir()) == []


def test_answers_are_kept_byte_for_byte_one_file_a_family(tmp_path):
    with prometheus(plain(200, NAMES), plain(200, ANSWER)) as (url, asked):
        folder = record(
            tmp_path / "capture", start=START, end=END, prometheus=url, selector='{job="a"}', parallel=1
        )
    files = sorted(path.name for path in (folder / "metrics").iterdir())
    assert files == ["http_requests.json.gz", "latency.json.gz"]
    for name in files:
        assert gzip.decompress((folder / "metrics" / name).read_bytes()) == json.dumps(ANSWER).encode()
    queries = [path for path, _ in asked if "query_range" in path]
    assert f"start={T0}&end={T0 + 60}&step=1" in queries[0]
    assert "latency_bucket%7Clatency_count%7Clatency_sum%22%2C+job%3D%22a%22%7D" in queries[1]


def test_a_long_window_is_asked_in_parts_under_eleven_thousand_points(tmp_path):
    end = datetime.fromtimestamp(T0 + 25_000, UTC)
    with prometheus(sound) as (url, asked):
        folder = record(tmp_path / "capture", start=START, end=end, prometheus=url)
    windows = [path.partition("&start=")[2] for path, _ in asked if "http_requests" in path]
    assert sorted(windows) == [
        f"{T0}&end={T0 + 9_999}&step=1",
        f"{T0 + 10_000}&end={T0 + 19_999}&step=1",
        f"{T0 + 20_000}&end={T0 + 25_000}&step=1",
    ]
    assert len(list((folder / "metrics").glob("http_requests.json.*.gz"))) == 3  # one rotated set


def test_names_that_a_file_cannot_have_are_asked_for_and_told_apart(tmp_path):
    names = ["a:b", "a_b", "A_b", 'of "x"\\y', "é" * 300, "../up"]
    with prometheus(plain(200, {"status": "success", "data": names}), sound) as (url, asked):
        folder = record(tmp_path / "capture", start=START, end=END, prometheus=url)
    files = [path.name for path in (folder / "metrics").iterdir()]
    assert len({name.lower() for name in files}) == len(names)
    queries = {parse_qs(urlsplit(path).query)["query"][0] for path, _ in asked if "range" in path}
    assert '{__name__=~"of\\\\ \\"x\\"\\\\\\\\y", job=~".+"}' in queries


def test_what_a_server_says_to_lack_stands_in_the_capture(tmp_path):
    names = plain(200, {**NAMES, "warnings": ["store-7 is not there"]})
    part = plain(200, {**ANSWER, "isPartial": True})
    with prometheus(names, part) as (url, _):
        folder = record(tmp_path / "capture", start=START, end=END, prometheus=url)
    notes = {source.path: source.notes for source in read(folder).sources}
    assert notes["manifest.json"] == ("the server's warnings: store-7 is not there",)
    assert notes["metrics/latency.json.gz"] == ("the server says that its answer is partial",)


@pytest.mark.parametrize("selector", ["up", '{job="a"', "", 'sum({job="a"})'])
def test_a_selector_that_is_none_is_refused(tmp_path, selector):
    with prometheus(sound) as (url, _), pytest.raises(CollectError, match="expected labels, as"):
        record(tmp_path / "capture", start=START, end=END, prometheus=url, selector=selector)


def test_credentials_are_used_and_written_nowhere(tmp_path):
    secret = base64.b64encode(b"anna:s3cret").decode()
    with prometheus(sound) as (url, asked):
        folder = record(tmp_path / "a", start=START, end=END, prometheus=url.replace("//", "//anna:s3cret@"))
        record(
            tmp_path / "b", start=START, end=END, prometheus=url, headers={"Authorization": "Bearer s3cret"}
        )
    given = [headers.get("Authorization") for path, headers in asked if "buildinfo" not in path]
    assert set(given) == {f"Basic {secret}", "Bearer s3cret"}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"s3cret" not in written
    assert secret.encode() not in written
    assert url.encode() not in (folder / "manifest.json").read_bytes()
    with prometheus(plain(401, b"")) as (url, _), pytest.raises(CollectError) as error:
        record(tmp_path / "c", start=START, end=END, prometheus=url.replace("//", "//anna:s3cret@"))
    assert "s3cret" not in str(error.value)
    assert "anna" not in str(error.value)


def span(start_s, **more):
    return {"traceId": "a", "spanId": "b", "startTimeUnixNano": str(round(start_s * 1e9)), **more}


def otlp(*spans):
    attributes = [
        {"key": key, "value": {"stringValue": "x"}}
        for key in (
            "service.name",
            "host.name",
            "process.pid",
            "process.command_line",
            "process.runtime.name",
        )
    ]
    scope = {"scope": {}, "spans": list(spans)}
    return json.dumps({"resourceSpans": [{"resource": {"attributes": attributes}, "scopeSpans": [scope]}]})


def test_files_are_cut_to_the_window_and_lose_what_names_the_machine(tmp_path):
    (tmp_path / "spans").write_text(
        "\n".join([otlp(span(T0 - 0.25), span(T0)), otlp(span(T0 + 59.5)), otlp(span(T0 + 60))]) + "\n"
    )
    (tmp_path / "gc").write_text(
        "# cpython gc.callbacks 1 python=3.11.7\n"
        "2026-11-20T09:59:59.999999Z gc gen=0 pause_ms=1.0\n"
        "2026-11-20T10:00:00.000000Z gc gen=1 pause_ms=1.0\n"
        "2026-11-20T10:01:00.000000Z gc gen=2 pause_ms=1.0\n"
    )
    (tmp_path / "profile").write_text(
        'process 12:"python -m x --peers {"a": "b"} /home/anna/x";'
        "main (/home/anna/shop/x.py:3);go (asyncio/a.py:1) 7\n"
    )
    folder = record(
        tmp_path / "capture",
        start=START,
        end=END,
        name="a name",
        files=[Evidence(tmp_path / kind, kind, "orders", "orders-0") for kind in ("spans", "gc", "profile")],
        settings={"orders/workers": 8},
        load={"law": "poisson"},
        how="by hand",
    )
    lines = gzip.decompress((folder / "spans/orders-0.jsonl.gz").read_bytes()).splitlines()
    batches = [json.loads(line)["resourceSpans"][0] for line in lines]
    starts = [s["startTimeUnixNano"] for b in batches for s in b["scopeSpans"][0]["spans"]]
    assert starts == [f"{T0}000000000", f"{T0 + 59}500000000"]
    kept = [a["key"] for a in batches[0]["resource"]["attributes"]]
    assert kept == ["service.name", "process.runtime.name"]
    assert (folder / "gc/orders-0.log").read_text().splitlines() == [
        "# cpython gc.callbacks 1 python=3.11.7",
        "2026-11-20T10:00:00.000000Z gc gen=1 pause_ms=1.0",
    ]
    assert (folder / "profile/orders-0.txt").read_text() == "main (x.py:3);go (asyncio/a.py:1) 7\n"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["format"] == "workbench capture, raw files"
    assert (manifest["name"], manifest["how"], manifest["load"]) == ("a name", "by hand", {"law": "poisson"})
    assert (manifest["start"], manifest["end"]) == ("2026-11-20T10:00:00+00:00", "2026-11-20T10:01:00+00:00")
    assert manifest["settings"] == {"orders/workers": 8}
    assert manifest["files"][1] == {"path": "gc/orders-0.log", "service": "orders", "instance": "orders-0"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"end": START}, "a window from"),
        ({"start": datetime(2026, 11, 20)}, "has no time zone"),
        ({"files": []}, "nothing to record"),
        ({"prometheus": "localhost:9090"}, "expected an address such as http://127.0.0.1"),
        ({"files": [Evidence(Path("missing.jsonl"), "gc")]}, "missing.jsonl: cannot be read"),
        ({"settings_file": "missing.yaml"}, "missing.yaml: cannot be read"),
    ],
)
def test_what_cannot_be_recorded_is_named_and_leaves_nothing(tmp_path, changes, found):
    (tmp_path / "gc.log").write_text("# cpython gc.callbacks 1 python=3.11.7\n")
    asked = {"start": START, "end": END, "files": [Evidence(tmp_path / "gc.log", "gc")]} | changes
    with pytest.raises(CollectError, match=found):
        record(tmp_path / "capture", **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["gc.log"]


def test_spans_that_are_none_are_named_with_their_line(tmp_path):
    (tmp_path / "x.jsonl").write_text(otlp(span(T0)) + "\n" + otlp(span(T0))[:-9] + "\n")
    with pytest.raises(CollectError, match=r"x\.jsonl, line 2: not OTLP/JSON"):
        record(tmp_path / "capture", start=START, end=END, files=[Evidence(tmp_path / "x.jsonl", "spans")])


def test_a_capture_that_exists_is_not_overwritten(tmp_path):
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / "precious").touch()
    with pytest.raises(CollectError, match="it exists"):
        record(tmp_path / "capture", start=START, end=END, prometheus="http://127.0.0.1:1")
    assert [path.name for path in (tmp_path / "capture").iterdir()] == ["precious"]
