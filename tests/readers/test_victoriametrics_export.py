"""The reader of VictoriaMetrics' export, against a plain walk over its lines and lines by hand."""

from __future__ import annotations

import json
import math

import pytest

from tests.needs import ROOT
from tests.readers.corpus import of_family
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, recognise, victoriametrics_export

SAMPLE = ROOT / "data" / "samples" / "victoriametrics_export" / "export.jsonl"


def read(text: str) -> Parts:
    return victoriametrics_export.read(Stream("export.jsonl", text.encode()))


def line(values: str = "[1,2]", timestamps: str = "[1000,2000]", metric: str = '{"__name__":"m"}') -> str:
    return f'{{"metric":{metric},"values":{values},"timestamps":{timestamps}}}\n'


def test_an_export_is_read_sample_by_sample():
    assert recognise(Stream("", SAMPLE).head()) is victoriametrics_export
    frames = read(SAMPLE.read_text()).frames
    told = SAMPLE.read_text().replace("-Inf", "-1e999").replace("+Inf", "1e999").splitlines()
    plain = [
        (metric, ms, float(value))
        for metric, one in enumerate(map(json.loads, told))
        for ms, value in zip(one["timestamps"], one["values"], strict=True)
    ]
    samples = frames["samples"]
    times = samples["time"].astype("int64") // 10**6
    assert list(zip(samples["series"], times, samples["value"], strict=True)) == plain
    labels = [json.loads(one)["metric"] for one in told]
    ours = zip(frames["series"]["metric"], frames["series"]["labels"], strict=True)
    assert [{"__name__": metric, **dict(pairs)} for metric, pairs in ours] == labels


def test_nulls_are_nan_and_bare_infinities_are_read():
    values = read(line('[null,+Inf,-Inf,"NaN"]', "[1,2,3,4]")).frames["samples"]["value"].tolist()
    assert values[1:3] == [math.inf, -math.inf]
    assert math.isnan(values[0])
    assert math.isnan(values[3])


@pytest.mark.parametrize(
    "bad",
    [
        line("[1]"),
        line(metric='{"a":1}'),
        line(timestamps='["noon",2]'),
        '{"metric":{"__name__":"m"},"val\n',
        "[]\n",
    ],
)
def test_lines_that_are_no_series_are_counted_and_the_first_is_named(bad: str):
    parts = read(line() + bad + line(metric='{"__name__":"n"}'))
    assert len(parts.frames["series"]) == 2
    assert parts.skipped == {"line that is no series": 1}
    assert parts.notes[0].startswith("export.jsonl:2: ")


def test_exports_as_csv_and_answers_to_queries_are_not_claimed():
    files = of_family("generated", "victoriametrics-api", "prometheus-api")
    claimed = [
        path for path, file in files.items() if victoriametrics_export.sniff(Stream(path, file).head())
    ]
    assert claimed == []  # export.csv names no columns: what stands where is known to its query only


def test_what_has_no_series_is_not_ours():
    with pytest.raises(Unrecognized):
        read("hello\n")
