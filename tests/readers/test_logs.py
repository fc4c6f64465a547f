"""Readers of logs: what the programs of the samples logged, and how other loggers spell the same."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import manifest
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, access_log, json_lines_log, logfmt_log, recognise
from workbench.readers._records import identity, time_ns

SAMPLES = ROOT / "data" / "samples"
TRACE = "5b8efff798038103d269b633813fc60c"
NOON = pd.Timestamp("2026-11-20T12:00:00Z")


def logs(reader: object, text: str) -> pd.DataFrame:
    return reader.read(Stream("x", text.encode())).frames["logs"]


def record(**fields: object) -> pd.Series:
    return logs(json_lines_log, json.dumps({k.replace("__", "."): v for k, v in fields.items()})).iloc[0]


@pytest.mark.parametrize(
    ("name", "messages", "levels"),
    [
        ("slog.json.log", ["order paid", 3], {"info", "debug", "error", "warn+1"}),
        ("zap.json.log", ["order paid", 2], {"info", "warn"}),
        ("structlog.json.log", ["order_paid", 2], {"info", "warning", "critical"}),
        ("logback.json.log", ["order paid <b>Zoë</b>", 2], {"info", "debug", "error"}),
        ("logstash.json.log", ["order paid <b>Zoë</b>", 2], {"info", "debug", "error"}),
    ],
)
def test_every_logger_tells_message_level_time_and_trace(name, messages, levels):
    parts = json_lines_log.read(Stream(name, SAMPLES / "json_lines_log" / name))
    frame = parts.frames["logs"]
    assert (frame["message"] == messages[0]).sum() == messages[1]
    assert set(frame["level"]) == levels
    assert frame["time"].dt.strftime("%Y-%m-%dT%H").unique().tolist() == ["2026-11-20T10"]
    assert frame["time"].is_monotonic_increasing
    paid = frame[frame["message"] == messages[0]]
    assert paid["trace_id"].iloc[0] == TRACE
    assert paid["span_id"].str.startswith("eee19b7ec3c1b17").all()
    assert not parts.skipped


def test_slogs_two_handlers_say_the_same():
    as_json = json_lines_log.read(Stream("j", SAMPLES / "json_lines_log" / "slog.json.log")).frames["logs"]
    as_text = logfmt_log.read(Stream("t", SAMPLES / "logfmt_log" / "slog.text.log")).frames["logs"]
    columns = ["service", "level", "message", "trace_id", "span_id"]
    pd.testing.assert_frame_equal(as_json[columns], as_text[columns])
    assert dict(as_json["attributes"][1]) == dict(as_text["attributes"][1])
    assert dict(as_text["attributes"][1])["user.name"] == 'Zoë "Z" <b>\x01'
    assert dict(as_text["attributes"][5]) == {"err": "card: no\nfunds=0"}


def test_logbacks_arguments_and_nanoseconds_find_their_places():
    path = SAMPLES / "json_lines_log" / "logback.json.log"
    row = json_lines_log.read(Stream("x", path)).frames["logs"].iloc[0]
    assert row["message"] == "listening on 127.0.0.1:8080"
    assert row["time"] == pd.Timestamp("2026-11-20T10:48:08.355895417Z")


@pytest.mark.parametrize(
    "fields",
    [
        {"time": "2026-11-20T12:00:00Z", "msg": "x", "level": "INFO"},
        {"ts": 1795176000.0, "msg": "x", "level": "info"},
        {"ts": "2026-11-20T13:00:00.000+0100", "msg": "x", "level": "info"},
        {"@timestamp": "2026-11-20T12:00:00,000Z", "message": "x", "log__level": "INFO"},
        {"level": 30, "time": 1795176000000, "pid": 1, "hostname": "h", "msg": "x"},
        {"severity": "INFO", "timestamp": "2026-11-20T12:00:00Z", "message": "x"},
        {"@t": "2026-11-20T12:00:00.0000000Z", "@m": "x", "@l": "Info"},
        {"instant": "1795176000", "level": "INFO", "message": "x"},
        {"Timestamp": "1795176000000000000", "SeverityText": "INFO", "Body": "x"},
        {"asctime": "2026-11-20 12:00:00,000", "levelname": "INFO", "message": "x"},
    ],
)
def test_other_loggers_spell_time_level_and_message_in_their_ways(fields):
    row = record(**fields)
    assert (row["time"], row["level"], row["message"]) == (NOON, "info", "x")


@pytest.mark.parametrize(
    "fields",
    [
        {"trace_id": TRACE},
        {"traceId": TRACE.upper()},
        {"trace": {"id": TRACE}},
        {"mdc": {"traceId": TRACE}},
        {"otelTraceID": TRACE},
        {"logging.googleapis.com/trace": f"projects/shop/traces/{TRACE}"},
        {"traceparent": f"00-{TRACE}-eee19b7ec3c1b174-01"},
        {"dd": {"trace_id": str(int(TRACE[16:], 16)), "span_id": "1"}},
        {"dd.trace_id": TRACE},
    ],
)
def test_trace_ids_are_hex_as_spans_have_them(fields):
    row = record(level="info", msg="x", **fields)
    assert TRACE.endswith(row["trace_id"])
    assert len(row["trace_id"]) in (16, 32)


def test_ids_that_are_empty_or_zero_are_missing_and_stay_attributes():
    row = record(level="info", msg="x", trace_id="0" * 32, span_id="")
    assert pd.isna(row["trace_id"])
    assert dict(row["attributes"]) == {"trace_id": "0" * 32, "span_id": ""}
    assert identity(0) is None
    assert identity("a-b") == "a-b"


def test_records_join_the_spans_of_their_trace():
    trace = SAMPLES / "otlp_json" / "traces.jsonl"
    spans = recognise(Stream("t", trace).head()).read(Stream("t", trace)).frames["spans"]
    one = spans.iloc[0]
    line = {"level": "info", "msg": "x", "traceId": one["trace_id"].upper(), "spanId": one["span_id"]}
    joined = logs(json_lines_log, json.dumps(line)).merge(spans, on=["trace_id", "span_id"])
    assert joined["name"].tolist() == [one["name"]]


def test_a_container_engine_s_wrapping_is_taken_off():
    inner = json.dumps({"level": "info", "msg": "x", "time": "2026-11-20T12:00:00Z"})
    wrapped = {"log": inner + "\n", "stream": "stdout", "time": "2026-11-20T12:00:01Z"}
    assert logs(json_lines_log, json.dumps(wrapped))["time"].tolist() == [NOON]
    plain = {"log": "[0.1s][info][gc] GC(0) Pause\n", "stream": "stdout", "time": "2026-11-20T12:00:01Z"}
    assert not json_lines_log.sniff(json.dumps(plain).encode())


def test_text_between_records_is_counted():
    text = 'banner\n{"level":"info","msg":"x"}\n{"level":"info","msg":"y"}\n{"a":1}\n{"level":\n'
    text += '{"level":"info","msg":"z"}\n' * 4
    parts = json_lines_log.read(Stream("x", text.encode()))
    assert len(parts.frames["logs"]) == 6
    assert parts.skipped == {"line that is no JSON object": 2, "object that is no log record": 1}


def test_times_are_read_to_the_nanosecond_and_nonsense_is_no_time():
    assert time_ns("2026-11-20T12:00:00.123456789+01:00") == NOON.value - 3600 * 10**9 + 123456789
    assert time_ns(1795171142.5105128) == 1795171142_510512800
    assert time_ns("noon") is None
    assert time_ns(5) is None
    assert time_ns(float("nan")) is None
    assert time_ns("9999-99-99T00:00:00Z") is None


@pytest.mark.parametrize(
    "text",
    [
        '{"resourceSpans":[{"scopeSpans":[]}]}\n' * 3,
        '{"metric":{"__name__":"up"},"values":[1],"timestamps":[1795176000000]}\n' * 3,
        '{"metric":"vus","type":"Point","data":{"time":"2026-11-20T12:00:00Z","value":1,"tags":{}}}\n' * 3,
        '{"attack":"","seq":0,"code":200,"timestamp":"2026-11-20T12:00:00Z","latency":1,"body":null}\n' * 3,
        '{"Time":"2026-11-20T12:00:00Z","Action":"run","Package":"shop"}\n' * 3,
        '[{"msg":"x","level":"info"}]\n',
        "time=1 value=2\n",
        "a=b c=d\n",
        'some text with key=value and msg="x"\n',
    ],
)
def test_other_lines_are_not_claimed(text):
    for reader in (json_lines_log, logfmt_log, access_log):
        assert not reader.sniff(text.encode())
        with pytest.raises(Unrecognized):
            reader.read(Stream("x", text.encode()))


def test_no_file_of_the_corpus_is_taken_for_a_log():
    for folder in ("gc", "profiles", "traces", "prometheus", "generated"):
        for path in manifest(folder):
            if not path.endswith((".zip", ".gz")):
                head = Stream(path, corpus(folder, path)).head()
                assert not any(r.sniff(head) for r in (json_lines_log, logfmt_log, access_log)), path


def access(line: str) -> tuple[pd.Series, dict[str, str], Parts]:
    parts = access_log.read(Stream("x", line.encode()))
    row = parts.frames["logs"].iloc[0]
    return row, dict(row["attributes"]), parts


def test_the_three_formats_of_our_nginx_say_the_same():
    frames = {
        name: access_log.read(Stream(name, SAMPLES / "access_log" / f"{name}.log")).frames["logs"]
        for name in ("common", "combined", "timed")
    }
    for name in ("combined", "timed"):
        columns = ["time", "message"]
        pd.testing.assert_frame_equal(frames[name][columns], frames["common"][columns])
    lines = (SAMPLES / "access_log" / "timed.log").read_text("utf-8").splitlines()
    told = [dict(pairs)["request_time_s"] for pairs in frames["timed"]["attributes"]]
    assert [float(text) for text in told] == [float(line.rpartition(" ")[2]) for line in lines]
    odd = dict(frames["combined"]["attributes"][41])
    assert odd["user.name"] == "o hara"
    assert odd["user_agent.original"] == r"curl \x22quoted\x22 \xC3\xBC"
    assert odd["url.query"] == "id=1&x=a;b"


STEM = '10.0.0.1 - - [20/Nov/2026:13:00:00 +0100] "GET /a HTTP/1.1" 200 12'


@pytest.mark.parametrize(
    ("end", "seconds"),
    [
        ("", None),
        (' "-" "curl/8"', None),
        (' "-" "curl/8" 0.017', "0.017"),
        (' "-" "curl/8" 1500', "0.0015"),
        (' "-" "curl/8" rt=0.25 uct="0.001"', "0.25"),
        (' "-" "curl/8" "0.5"', "0.5"),
        (' "-" "curl/8" 5 "shop@docker" "http://10.0.0.2:80" 2ms', "0.002"),
        (" 0.017", "0.017"),
    ],
)
def test_the_time_of_a_request_may_stand_at_the_end(end, seconds):
    row, attributes, parts = access(STEM + end)
    assert row["time"] == NOON
    assert attributes.get("request_time_s") == seconds
    assert attributes["http.response.status_code"] == "200"
    assert any("microseconds" in note for note in parts.notes) == (end.endswith("1500"))


def test_apaches_virtual_host_and_a_trace_at_the_end_are_kept():
    _, attributes, _ = access(f'shop.example:443 {STEM} "-" "<b>" trace_id={TRACE}')
    row, _, _ = access(f'{STEM} "-" "<b>" trace_id={TRACE}')
    assert attributes["server.address"] == "shop.example:443"
    assert attributes["user_agent.original"] == "<b>"
    assert row["trace_id"] == TRACE


def test_lines_that_are_no_requests_are_counted():
    parts = access_log.read(Stream("x", f"{STEM}\n{STEM}\nnginx: reload\n".encode()))
    assert parts.skipped == {"line that is no request": 1}


def test_long_lines_take_linear_time():
    wide = 10**6
    for reader, head, lines in (
        (
            logfmt_log,
            "level=info msg=x\n",
            ("a" * wide, 'a="' * (wide // 3), "a=\\" * (wide // 3), '="' * wide),
        ),
        (json_lines_log, '{"level":"info","msg":"x"}\n', ('{"a":' * 1000, "{" * wide, '{"' + "a" * wide)),
        (
            access_log,
            STEM + "\n",
            (STEM + ' "' * wide, STEM + " a" * wide, " [" * wide, f"{STEM} " + "\\" * wide),
        ),
    ):
        for line in lines:
            reader.read(Stream("x", (head * 3 + line + "\n").encode()))
