"""The Prometheus API reader, against a plain walk over the JSON, the corpus' counts and answers by hand."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import expected, of_family
from workbench.errors import Malformed, WorkbenchError
from workbench.readers import Parts, Stream, prometheus_api, recognise

SAMPLE = ROOT / "data" / "samples" / "prometheus_api" / "self.json"


def read(*answers: dict | list | bytes) -> Parts:
    contents = [a if isinstance(a, bytes) else json.dumps(a).encode() for a in answers]
    return prometheus_api.read(*(Stream(f"{n}.json", c) for n, c in enumerate(contents)))


def answer(kind: str, result: object, **more: object) -> dict:
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def up(values: list, **labels: str) -> dict:
    return {"metric": {"__name__": "up", **labels}, "values": values}


def test_recorded_answers_have_the_series_and_points_that_were_counted():
    counted = 0
    for path, known in expected("generated").items():
        if not path.startswith("prometheus/") or "n_points" not in known:
            continue
        parts = prometheus_api.read(Stream(path, corpus("generated", path)))
        result = json.loads(corpus("generated", path).read_bytes())["data"]["result"]
        states = [
            [state for _, state in e.get("histograms") or ([e["histogram"]] if "histogram" in e else [])]
            for e in (e for e in result if isinstance(e, dict))
        ]
        buckets = [[tuple(b[:3]) for state in one for b in state["buckets"]] for one in states]
        # a histogram becomes a sample of its count, one of its sum, and one of each bucket
        more = sum(map(len, states)) + sum(map(len, buckets))
        split = sum(1 + len(set(one)) for one, many in zip(buckets, states, strict=True) if many)
        assert len(parts.frames["samples"]) == int(known["n_points"].value) + more, path
        assert len(parts.frames["series"]) == int(known["n_series"].value) + split, path
        assert (more > 0) == (known["has_native_histograms"].value == "True"), path
        assert not parts.skipped, path
        counted += 1
    assert counted == 28


def test_recorded_values_are_exact_to_the_last_bit():
    for path, file in of_family("generated", "prometheus-api", "victoriametrics-api").items():
        if not prometheus_api.sniff(file.read_bytes()[:65536]) or ".error" in path:
            continue
        data = json.loads(file.read_bytes())["data"]
        entries = data["result"] if data["resultType"] != "scalar" else [{"value": data["result"]}]
        plain = [
            (round(t * 1000) * 1_000_000, struct.pack("<d", float(v)))
            for e in entries
            for t, v in e.get("values") or ([e["value"]] if "value" in e else [])
        ]
        parts = prometheus_api.read(Stream(path, file))
        samples = parts.frames["samples"]
        if "native" not in path and "mixed" not in path:
            bits = [struct.pack("<d", value) for value in samples["value"]]
            assert list(zip(samples["time"].astype("int64"), bits, strict=True)) == plain, path


def test_an_error_of_the_server_is_told_in_its_own_words():
    told = 0
    for path, known in {**expected("generated"), "victoriametrics/query.error.json": {}}.items():
        if not (path.startswith("prometheus/") and "error" in known) and "victoria" not in path:
            continue
        if "victoria" in path and "error" not in path:
            continue
        file = corpus("generated", path)
        body = json.loads(file.read_bytes())
        with pytest.raises(Malformed) as caught:
            recognise(file.read_bytes()).read(Stream(path, file))
        assert f"{body['errorType']}: {body['error']}" in str(caught.value)
        told += 1
    assert told >= 5


def test_only_answers_to_queries_are_claimed():
    families = {
        **of_family("generated", "prometheus-api", "victoriametrics-api"),
        **of_family("prometheus", "api-json", "exposition", "promqltest"),
    }
    claimed = {path for path, file in families.items() if prometheus_api.sniff(Stream(path, file).head())}
    queries = {p for p in families if "query" in Path(p).name and p.endswith(".json") and "format" not in p}
    answers = {p for p in families if p.endswith("_response.json")}
    assert claimed == queries | answers


def test_examples_of_the_documentation_and_of_peers_tests_are_read_or_refused():
    documented = json.loads(corpus("prometheus", "derived", "api_doc_examples.json").read_bytes())
    literals = json.loads(corpus("prometheus", "derived", "api_json_literals_from_tests.json").read_bytes())
    bodies = [json.dumps(e["body"], indent=1).encode() for e in documented]
    bodies += [e["text"].encode() for e in literals]
    series, refused = 0, []
    for body in bodies:
        query = b'"resultType"' in body
        other = b'"errorType"' in body or b'"seriesLabels"' in body
        assert prometheus_api.sniff(body) == (query or other), body
        try:
            series += len(read(body).frames["series"]) if query else 0
        except Malformed:
            refused.append(body)
    assert (
        series == 4 + 7 + 8 + 12
    )  # of the manual, of Prometheus' tests (8 buckets), of VictoriaMetrics' tests
    assert len(refused) == 2  # VictoriaMetrics' client refuses these too: no result, and a scalar as a vector
    assert all(b'"vector"' in body for body in refused)


def test_a_matrix_a_vector_and_a_scalar_become_samples():
    matrix = read(answer("matrix", [up([[1.5, "1"], [2.5, "0"]], job="a", instance="h:1", zone="x")]))
    series, samples = matrix.frames["series"], matrix.frames["samples"]
    assert series.drop(columns="labels").to_dict("records") == [
        {"series": 0, "metric": "up", "service": "a", "instance": "h:1"}
    ]
    assert dict(series["labels"][0]) == {"job": "a", "instance": "h:1", "zone": "x"}
    assert samples["time"].tolist() == [
        pd.Timestamp("1970-01-01T00:00:01.5Z"),
        pd.Timestamp("1970-01-01T00:00:02.5Z"),
    ]
    assert samples["value"].tolist() == [1.0, 0.0]
    vector = read(answer("vector", [{"metric": {"__name__": "up"}, "value": [1, "7"]}]))
    assert vector.frames["samples"]["value"].tolist() == [7.0]
    scalar = read(answer("scalar", [1, "8"]))
    assert scalar.frames["samples"]["value"].tolist() == [8.0]
    assert scalar.frames["series"]["metric"].tolist() == [""]


def test_text_instead_of_numbers_is_counted():
    assert read(answer("string", [1, "foo"])).skipped == {"text instead of numbers": 1}


def test_special_values_are_kept():
    texts = ["NaN", "+Inf", "-Inf", "-0", "5e-324", "1.7976931348623157e+308", "0.1"]
    values = read(answer("matrix", [up([[n, t] for n, t in enumerate(texts)])])).frames["samples"]["value"]
    assert np.isnan(values[0])
    assert values[1:3].tolist() == [np.inf, -np.inf]
    assert np.signbit(values[3])
    assert values[4:].tolist() == [5e-324, 1.7976931348623157e308, 0.1]


def test_the_service_is_the_label_service_then_service_name_then_job():
    labels = [
        {"job": "j"},
        {"job": "j", "service_name": "n"},
        {"job": "j", "service_name": "n", "service": "s"},
        {},
    ]
    parts = read(answer("matrix", [up([[1, "1"]], **ls) for ls in labels]))
    assert parts.frames["series"]["service"].tolist() == ["j", "n", "s", ""]


def test_warnings_and_infos_become_notes():
    parts = read(answer("vector", [], warnings=["partial"], infos=["not a counter"], isPartial=True))
    assert parts.notes == [
        "the server's warnings: partial",
        "the server's infos: not a counter",
        "the server says that its answer is partial",
    ]


def test_a_native_histogram_gives_count_sum_and_its_buckets():
    buckets = [[1, "-2", "-1", "1"], [3, "-0.5", "0.5", "2"], [0, "1", "2", "6"], [2, "2", "+Inf", "1"]]
    state, empty = {"count": "10", "sum": "20.5", "buckets": buckets}, {"count": "0", "sum": "0"}
    metric = {"__name__": "d", "job": "a"}
    entry = {"metric": metric, "values": [[1, "3"]], "histograms": [[2, empty], [3, state]]}
    parts = read(answer("matrix", [entry]))
    series, samples = parts.frames["series"], parts.frames["samples"]
    assert series["metric"].tolist() == ["d", "d_count", "d_sum", "d", "d", "d", "d"]
    ranges = [dict(labels).get("native_range") for labels in series["labels"]]
    assert ranges == [None, None, None, "[-2,-1)", "[-0.5,0.5]", "(1,2]", "(2,+Inf)"]
    assert samples["value"].tolist() == [3, 0, 10, 0, 20.5, 1, 2, 6, 1]
    assert set(samples["time"].astype("int64")[samples["series"] > 2]) == {3 * 10**9}
    assert not parts.skipped


@pytest.mark.parametrize(
    "bucket", [[0, "1", "2"], [0, "one", "2", "3"], [0, "1", "2", "x"], [0, 1, 2, "3"], 7]
)
def test_a_native_histogram_with_a_bucket_that_is_none_is_refused(bucket: object):
    state = {"count": "1", "sum": "2", "buckets": [bucket]}
    with pytest.raises(Malformed, match=r"data\.result\[0\]"):
        read(answer("matrix", [{"metric": {"__name__": "d"}, "histograms": [[1, state]]}]))


def test_answers_that_overlap_are_one_series_without_repeats():
    first, second = up([[1, "1"], [2, "2"]], job="a"), up([[2, "2"], [3, "3"]], job="a")
    parts = read(answer("matrix", [first]), answer("matrix", [second, up([[1, "5"]], job="b")]))
    assert parts.frames["series"]["service"].tolist() == ["a", "b"]
    samples = parts.frames["samples"]
    assert list(zip(samples["series"], samples["value"], strict=True)) == [(0, 1), (0, 2), (0, 3), (1, 5)]
    assert parts.skipped == {"sample repeated elsewhere": 1}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ordered", [False, True])
def test_an_answer_is_recognised_in_any_layout(indent: int | None, ordered: bool):
    body = answer("matrix", [up([[n, str(n)] for n in range(20_000)])], stats={"seriesFetched": "1"})
    content = json.dumps(body, indent=indent, sort_keys=ordered).encode()
    assert recognise(content[:65536]) is prometheus_api
    assert len(read(content).frames["samples"]) == 20_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"status":"success","data":["up"]}',
        b'{"status":"error","message":"mine"}',
        b'{"status":"success","data":{"resultType":"streams","result":[{"stream":{},"values":[]}]}}',
        b'{"data":{"result":{"resultType":"matrix"}}}',
        b'["status","success","data","resultType","matrix"]',
        b'{"text":"{\\"status\\":\\"success\\",\\"data\\":{\\"resultType\\":\\"matrix\\"}}"}',
    ],
)
def test_other_json_is_not_claimed(content: bytes):
    assert not prometheus_api.sniff(content)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (answer("matrix", [up([[1, "1"]]), up([[1]])]), "data.result[1]"),
        (answer("matrix", [up([[1, "one"]])]), "data.result[0]"),
        (answer("matrix", [{"values": [[1, "1"]]}]), "data.result[0]"),
        (answer("matrix", [{"metric": {"a": 1}, "values": [[1, "1"]]}]), "data.result[0]"),
        (answer("matrix", [7]), "data.result[0]"),
        (answer("cube", []), "data.resultType"),
        ({"status": "success", "data": None}, "data.resultType"),
        ([], "0.json"),
    ],
)
def test_a_broken_answer_is_refused_with_its_place(body: object, place: str):
    with pytest.raises(Malformed) as caught:
        read(json.dumps(body).encode())
    assert place in caught.value.where


def test_a_truncated_answer_names_the_byte_and_the_remedy():
    content = SAMPLE.read_bytes()
    for size in (40, 1000, 5000, len(content) - 2):
        with pytest.raises(Malformed) as caught:
            read(content[:size])
        assert caught.value.where == f"0.json, byte {size:,} of {size:,}"
        assert "cut off" in caught.value.found
        assert "record" in caught.value.remedy


def test_damage_gives_a_clear_error_or_a_result():
    rng, content = random.Random(3), SAMPLE.read_bytes()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            assert isinstance(read(bytes(damaged)), Parts)
        except WorkbenchError:
            continue


def test_the_sample_is_a_prometheus_that_scraped_itself():
    parts = recognise(Stream("", SAMPLE).head()).read(Stream("self.json", SAMPLE))
    series = parts.frames["series"]
    assert set(series["service"]) == {"prometheus"}
    assert set(series["instance"]) == {"prometheus-0"}
    assert "prometheus_http_request_duration_seconds_bucket" in set(series["metric"])
    assert not parts.skipped


def long_answer(points: list, **more: object) -> bytes:
    entry = {"metric": {"__name__": "up", "note": '"values":[[1,"2"]]'}, "values": points, **more}
    return json.dumps(answer("matrix", [entry, up(points, job="b")]), separators=(",", ":")).encode()


def test_long_lists_are_exact_to_the_last_bit():
    rng = np.random.default_rng(7)
    bits = rng.integers(0, 2**64, 3000, dtype=np.uint64).view(np.float64)
    values = [v for v in bits.tolist() if v == v and abs(v) != np.inf]
    values += [5e-324, 2.2250738585072011e-308, 0.1, 1e22, 1e23, 9007199254740993, -0.0]
    texts = [*map(repr, values), "NaN", "+Inf", "-Inf", "1e+06", "9223372036854775808", "0.30000000000000004"]
    points = [[1_700_000_000 + n * 0.25, text] for n, text in enumerate(texts)]
    found = read(long_answer(points)).frames["samples"]
    half = found[found["series"] == 0]
    assert [struct.pack("<d", v) for v in half["value"]] == [struct.pack("<d", float(t)) for t in texts]
    assert half["time"].astype("int64").tolist() == [round(t * 1000) * 10**6 for t, _ in points]
    assert len(found) == 2 * len(points)


def test_long_lists_beside_histograms_and_in_other_layouts_read_the_same():
    points = [[1_700_000_000 + n, str(n / 7)] for n in range(500)]
    state = {"count": "1", "sum": "2", "buckets": [[0, "1", "2", "1"]]}
    plain = read(json.dumps(json.loads(long_answer(points)), indent=1).encode()).frames["samples"]
    pd.testing.assert_frame_equal(read(long_answer(points)).frames["samples"], plain)
    beside = read(long_answer(points, histograms=[[1_700_000_000, state]]))
    assert len(beside.frames["samples"]) == len(plain) + 3  # count, sum and a bucket
    odd = long_answer(points, more=[["a", "b"]])
    assert len(read(odd).frames["samples"]) == len(plain)


@pytest.mark.parametrize(
    "broken",
    [
        b'[1700000007,"one"]',
        b"[1700000007]",
        b'[1700000007,"1",2]',
        b'[nan,"1"]',
        b'["1700000007","1"]',
        b'["1" "2"]',
    ],
)
def test_a_long_list_with_a_broken_point_is_refused_with_its_place(broken: bytes):
    points = [[1_700_000_000 + n, str(n)] for n in range(500)]
    content = long_answer(points).replace(b'[1700000007,"7"]', broken, 1)
    with pytest.raises(Malformed) as caught:
        read(content)
    assert "data.result[0]" in caught.value.where or "byte" in caught.value.where


def test_exemplars_point_to_traces():
    told = {"labels": {"traceID": "EpTxMJ40fUus7aGY"}, "value": "6", "timestamp": 1600096945.479}
    body = {
        "status": "success",
        "data": [{"seriesLabels": {"__name__": "m", "job": "a"}, "exemplars": [told]}],
    }
    content = json.dumps(body).encode()
    assert recognise(content) is prometheus_api
    frames = read(content).frames
    row = frames["exemplars"].iloc[0]
    assert (row["value"], row["trace_id"], row["time"].value) == (
        6,
        "EpTxMJ40fUus7aGY",
        1600096945479 * 10**6,
    )
    assert frames["series"][["metric", "service"]].to_numpy().tolist() == [["m", "a"]]
    assert frames["samples"].empty
