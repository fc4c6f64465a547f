"""Class histograms: the sums are the totals that the JVM prints beneath."""

from __future__ import annotations

import pytest

from tests.needs import ROOT
from workbench.errors import Unrecognized
from workbench.readers import Parts, Stream, class_histogram

SAMPLES = ROOT / "data" / "samples" / "class_histogram"
HEAD = " num     #instances         #bytes  class name\n----------------------------------------------\n"


def read(text: str) -> Parts:
    return class_histogram.read(Stream("x", text.encode()))


@pytest.mark.parametrize("name", ["openjdk17.txt", "temurin25.txt"])
def test_sums_are_the_totals_that_the_jvm_prints(name):
    text = (SAMPLES / name).read_text()
    series, samples = read(text).frames.values()
    _, instances, size = next(line for line in text.splitlines() if line.startswith("Total")).split()
    sums = series.merge(samples, on="series").groupby("metric")["value"].sum()
    assert dict(sums) == {"jvm_class_instances": int(instances), "jvm_class_bytes": int(size)}
    assert samples["time"].isna().all()
    strings = [dict(labels) for labels in series["labels"] if dict(labels)["class"] == "java.lang.String"]
    assert {labels["module"].partition("@")[0] for labels in strings} == {"java.base"}


def test_a_histogram_of_java_8_has_no_modules_and_other_lines_are_counted():
    parts = read(
        f"4711:\n\n{HEAD}   1:            12        2681784  [B\nhello\nTotal            12        2681784\n"
    )
    series, samples = parts.frames.values()
    assert [dict(labels) for labels in series["labels"]] == [{"class": "[B"}] * 2
    assert list(samples["value"]) == [12, 2681784]
    assert parts.skipped == {"line that is no class": 2}  # the process id, too


def test_what_has_no_heading_is_unrecognised():
    assert not class_histogram.sniff(b"   1:            12        2681784  [B\n")
    with pytest.raises(Unrecognized, match="not a class histogram"):
        read("   1:            12        2681784  [B\n")
