"""The reader of exposition text, against prometheus_client's own parsers and lines by hand."""

from __future__ import annotations

import math
import re
import struct
import time

import pandas as pd
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from tests.needs import ROOT, corpus
from tests.readers.corpus import of_family
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, prometheus_text

SAMPLES = ROOT / "data" / "samples" / "prometheus_text"


def read(*texts: str | bytes) -> Parts:
    contents = [text if isinstance(text, bytes) else text.encode() for text in texts]
    return prometheus_text.read(*(Stream(f"{n}.txt", content) for n, content in enumerate(contents)))


def rows(parts: Parts) -> list[tuple]:
    series, samples = parts.frames["series"], parts.frames["samples"]
    named = [
        (metric, dict(labels)) for metric, labels in zip(series["metric"], series["labels"], strict=True)
    ]
    return [
        (*named[row.series], None if pd.isna(row.time) else row.time.value, row.value)
        for row in samples.itertuples()
    ]


def peers_rows(text: str, parse) -> list[tuple]:
    found = []
    for family in parse(text):
        for sample in family.samples:
            stamp = None if sample.timestamp is None else round(float(sample.timestamp) * 1e3) * 10**6
            found.append((sample.name, sample.labels, stamp, struct.pack("<d", sample.value)))
    return found


def key(row: tuple) -> tuple:
    return row[0], tuple(sorted(row[1].items())), row[2] or 0, row[3]


def claimed() -> dict[str, bytes]:
    files = {
        **of_family("prometheus", "exposition"),
        **of_family("generated", "prometheus-api", "victoriametrics-api"),
        **{f"sample/{path.name}": path for path in SAMPLES.glob("*.txt")},
    }
    heads = {path: Stream(path, file).content() for path, file in files.items()}
    return {path: content for path, content in heads.items() if prometheus_text.sniff(content[:65536])}


def test_all_expositions_of_the_corpus_are_claimed_and_nothing_else():
    names = {path.rpartition("/")[2] for path in claimed() if not path.startswith("sample/")}
    assert names == {
        "1histogram.om.txt",
        "alltypes.237mfs.nometa.prom.txt",
        "alltypes.237mfs.prom.txt",
        "alltypes.5mfs.om.txt",
        "demo_metrics.openmetrics.txt",
        "demo_metrics.txt",
        "dump-openmetrics-roundtrip-test.prom",
        "dump-openmetrics-test.prom",
        "federate.txt",
        "metrics-test.prom",
        "self_metrics.openmetrics.txt",
        "text",
        "text.gz",
    }


def test_samples_are_those_of_prometheus_own_python_parsers_to_the_last_bit():
    compared, refused = set(), set()
    for path, content in claimed().items():
        if path.startswith("sample/") and re.search(rb"^# TYPE \S+(?<!_total) counter", content, re.M):
            continue  # of proxies: theirs adds _total to a counter's name, even where that is another metric
        text, parse = content.decode(), open_metrics if b"# EOF" in content[-8:] else plain_text
        ours = [(*row[:3], struct.pack("<d", row[3])) for row in rows(read(content))]
        try:
            theirs = peers_rows(text, parse)
        except ValueError:  # their parser of OpenMetrics is strict, that of the older text takes no seconds
            refused.add(path.rpartition("/")[2])
            assert len(ours) == sum(1 for line in text.splitlines() if line and line[0] != "#"), path
            continue
        assert sorted(ours, key=key) == sorted(theirs, key=key), path
        compared.add(path)
    assert len([path for path in compared if not path.startswith("sample/")]) >= 9
    assert len([path for path in compared if path.startswith("sample/")]) >= 8
    assert refused == {
        "alltypes.237mfs.nometa.prom.txt",  # untyped names that the peer takes for one histogram
        "alltypes.237mfs.prom.txt",  # go_gc_cycles_automatic_gc_cycles and its _total are two metrics
        "alltypes.5mfs.om.txt",  # a histogram of negative observations has a negative sum
        "demo_metrics.openmetrics.txt",  # a histogram with negative buckets and a sum
    }


def test_a_sample_has_a_name_labels_a_value_and_perhaps_a_time():
    parts = read(
        "# TYPE http_requests_total counter\n"
        'http_requests_total{method="post",code="200",} 1027 1395066363000\n'
        'http_requests_total { method = "post" , code = "400" } 3 1395066363000\n'
        "metric_without_timestamp_and_labels 12.47\n"
        "something_weird -3.982e+45 -3982045\n"
    )
    assert rows(parts) == [
        ("http_requests_total", {"method": "post", "code": "200"}, 1_395_066_363_000 * 10**6, 1027),
        ("http_requests_total", {"method": "post", "code": "400"}, 1_395_066_363_000 * 10**6, 3),
        ("metric_without_timestamp_and_labels", {}, None, 12.47),
        ("something_weird", {}, -3_982_045 * 10**6, -3.982e45),
    ]
    assert not parts.skipped


def test_escapes_in_labels_and_names_in_quotes_are_undone():
    parts = read(
        "# TYPE m gauge\n"
        'm{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\"",brace="}{,=#"} 1\n'
        '{"my.dotted.metric","strange label"="ü"} 2\n'
    )
    assert [row[:2] for row in rows(parts)] == [
        ("m", {"path": "C:\\DIR\\FILE.TXT", "error": 'Cannot find file:\n"FILE.TXT"', "brace": "}{,=#"}),
        ("my.dotted.metric", {"strange label": "ü"}),
    ]


def test_special_values_are_kept():
    texts = ["NaN", "+Inf", "-Inf", "-0", "5e-324", "0.1", "Inf"]
    values = read("# TYPE m gauge\n" + "".join(f'm{{n="{n}"}} {t}\n' for n, t in enumerate(texts)))
    found = values.frames["samples"]["value"].tolist()
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, -0.0, 5e-324, 0.1, math.inf]
    assert math.copysign(1, found[3]) == -1


def test_times_are_seconds_in_open_metrics_and_milliseconds_in_the_older_text():
    older = read('# TYPE a gauge\na{b="c"} 1 1700000000000\n')
    newer = read('# TYPE a unknown\na{b="c"} 1 1700000000\n# EOF\n')
    fine = read('a{b="c"} 1 1700000000.123456\n')
    assert rows(older)[0][2] == rows(newer)[0][2] == 1_700_000_000 * 10**9
    assert rows(fine)[0][2] == 1_700_000_000_123_456_000


def test_exemplars_point_to_traces():
    line = 'd_bucket{le="1"} 4 1700000000 # {trace_id="5B8E",span_id="a1",note="}"} 0.67 1699999999.5\n'
    parts = read(f"# TYPE d histogram\n{line}# EOF\n")
    row = parts.frames["exemplars"].iloc[0]
    assert (row["series"], row["value"], row["trace_id"], row["span_id"]) == (0, 0.67, "5b8e", "a1")
    assert row["time"].value == 1_699_999_999_500_000_000
    assert dict(row["labels"])["note"] == "}"
    undated = read("# TYPE c counter\nc_total 1 # {} 1\n# EOF\n").frames["exemplars"].iloc[0]
    assert pd.isna(undated["time"])
    assert pd.isna(undated["trace_id"])


def test_lines_that_are_no_samples_are_counted_and_the_first_is_named():
    parts = read('# TYPE a gauge\na 1\na{b="c} 2\nb one\nc{d="e",d="f"} 3\nd 1_000\n')
    assert [row[0] for row in rows(parts)] == ["a"]
    assert parts.skipped == {"line that is no sample": 4}
    assert parts.notes == ["0.txt:3: b'a{b=\"c} 2' is no sample"]


@pytest.mark.parametrize(
    "content",
    [
        b"main;work 12\nmain;idle 3\n",
        b"main 12\nidle 3\n",
        b'{"__name__":"up"}\n',
        b'{__name__="up"} 1 1700000000000\n',
        b"level=info msg=started value=3\n",
        b"# a comment\n# another\n",
        b"# HELP me\nhello\n",
    ],
)
def test_other_text_is_not_claimed(content: bytes):
    assert not prometheus_text.sniff(content)


def test_what_has_no_sample_is_not_ours():
    with pytest.raises(Unrecognized):
        read("hello\nworld\n")


@pytest.mark.parametrize(
    "line",
    [
        b"a{" + b'b="' * 200_000,
        b"a{" + b'b="c",' * 100_000,
        b'a{b="' + b"\\" * 500_001,
        b"a" * 500_000,
        b"a " + b"1" * 500_000,
        b"a 1 # {" + b'"' * 500_001,
        b"{" * 500_000,
        b"a" + b" " * 500_000,
    ],
)
def test_the_worst_lines_take_linear_time(line: bytes):
    began = time.process_time()
    parts = read(b"# TYPE a gauge\na 1\n" + line + b"\n")
    assert time.process_time() - began < 5
    assert parts.skipped or len(parts.frames["samples"]) <= 2


def test_the_sample_of_open_metrics_is_the_same_registry_as_that_of_the_older_text():
    newer = {key(row): row for row in rows(read((SAMPLES / "shop.openmetrics.txt").read_bytes()))}
    older = {key(row): row for row in rows(read((SAMPLES / "shop.txt").read_bytes()))}
    assert {k for k in older if not k[0].endswith("_created")} == {
        k for k in newer if not k[0].endswith("_created")
    }
    parts = read((SAMPLES / "shop.openmetrics.txt").read_bytes())
    assert len(parts.frames["exemplars"]) == 5
    assert corpus("prometheus").is_dir()
