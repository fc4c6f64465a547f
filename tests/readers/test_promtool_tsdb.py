"""The reader of `promtool tsdb dump`, against a plain walk over the lines and lines by hand."""

from __future__ import annotations

import re

import pytest

from tests.needs import ROOT, corpus
from tests.readers.corpus import of_family
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, promtool_tsdb, recognise

SAMPLE = ROOT / "data" / "samples" / "promtool_tsdb" / "dump.prom"
TESTDATA = "prometheus+prometheus/cmd/promtool/testdata"


def read(*texts: str) -> Parts:
    return promtool_tsdb.read(*(Stream(f"{n}.prom", text.encode()) for n, text in enumerate(texts)))


def rows(parts: Parts) -> list[tuple]:
    series, samples = parts.frames["series"], parts.frames["samples"]
    named = [{"__name__": m, **dict(ls)} for m, ls in zip(series["metric"], series["labels"], strict=True)]
    return [(named[row.series], row.time.value // 10**6, row.value) for row in samples.itertuples()]


@pytest.mark.parametrize("name", ["dump-test-1.prom", "dump-test-2.prom", "dump-test-3.prom"])
def test_dumps_of_promtools_own_tests_are_read_line_by_line(name: str):
    file = corpus("prometheus", TESTDATA, name)
    plain = []
    for line in file.read_text().splitlines():
        labels, value, time = re.fullmatch(r"\{(.*)\} (\S+) (\d+)", line).groups()
        plain.append((dict(re.findall(r'(\w+)="([^"]*)"', labels)), int(time), float(value)))
    stream = Stream(name, file)
    assert recognise(stream.head()) is promtool_tsdb
    assert rows(promtool_tsdb.read(stream)) == plain


def test_only_dumps_of_samples_are_claimed():
    files = of_family("prometheus", "exposition")
    claimed = {path for path, file in files.items() if promtool_tsdb.sniff(Stream(path, file).head())}
    assert claimed == {f"{TESTDATA}/dump-test-{n}.prom" for n in (1, 2, 3)}


def test_labels_are_unescaped_and_values_kept():
    (row,) = rows(read('{__name__="m", path="a \\"b\\" \\\\ c\\nd", brace="}"} -Inf 1700000000001\n'))
    assert row == ({"__name__": "m", "path": 'a "b" \\ c\nd', "brace": "}"}, 1_700_000_000_001, float("-inf"))


def test_a_native_histogram_gives_count_sum_and_its_buckets():
    told = "{count:10, sum:20.5, [-2,-1):1, [-0.001,0.001]:3, (1,2]:6}"
    parts = read(f'{{__name__="h", job="a"}} {told} 1700000000000\n')
    assert [(row[0]["__name__"], row[0].get("native_range"), row[2]) for row in rows(parts)] == [
        ("h_count", None, 10),
        ("h_sum", None, 20.5),
        ("h", "[-2,-1)", 1),
        ("h", "[-0.001,0.001]", 3),
        ("h", "(1,2]", 6),
    ]
    assert not parts.skipped


def test_a_native_histogram_with_a_bucket_that_is_none_is_no_sample():
    parts = read('{__name__="h"} {count:1, sum:2, (one,2]:1} 1000\n{__name__="m"} 1 1000\n')
    assert len(rows(parts)) == 1
    assert parts.skipped == {"line that is no sample": 1}


def test_series_in_several_dumps_are_one_and_repeats_are_counted():
    line = '{{__name__="m"}} {} {}\n'
    parts = read(line.format(1, 1000) + line.format(2, 2000), line.format(2, 2000) + line.format(3, 3000))
    assert [row[2] for row in rows(parts)] == [1, 2, 3]
    assert parts.skipped == {"sample repeated elsewhere": 1}


def test_lines_that_are_no_samples_are_counted():
    parts = read('{__name__="m"} 1 1000\n{__name__="m"} 1\n{__name__="m} 1 2\n\n')
    assert len(rows(parts)) == 1
    assert parts.skipped == {"line that is no sample": 2}


def test_what_has_no_sample_is_not_ours():
    with pytest.raises(Unrecognized):
        read("hello\n")


def test_the_sample_is_a_prometheus_that_scraped_itself():
    parts = promtool_tsdb.read(Stream("", SAMPLE))
    assert set(parts.frames["series"]["metric"]) == {"up", "go_goroutines", "prometheus_http_requests_total"}
    assert len(parts.frames["samples"]) == len(SAMPLE.read_text().splitlines())
    assert not parts.skipped
