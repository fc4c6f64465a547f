"""A capture holds checked tables over a window, and comes back from disk as it went."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.analysis.hand import T0, metrics, of_spans, pauses, span
from workbench import read, tables
from workbench.capture import Capture, Source, is_saved, load
from workbench.errors import Contradiction, Malformed, TableError
from workbench.settings import Settings

SECOND = pd.Timedelta(1, "s")
METRICS = metrics(
    ("up", {"service": "a", "instance": "a-0", "zone": "x"}, [1.0, np.nan, np.inf]),
    ("up", {"service": "a", "instance": "a-1", "zone": "x"}, [0.0, None, 2.0]),
    ("size", {"service": "b", "instance": "b-0"}, [4.0, 4.0, 4.0]),
)
STACKS = {
    "frames": tables.FRAMES.build({"frame": [0, 1], "function": ["main", "<script>"]}),
    "stacks": tables.STACKS.build({"frames": [[1, 0]], "type": ["cpu"], "value": [2.0], "unit": ["count"]}),
}


def full() -> Capture:
    return of_spans(
        span("t", "s", None, "a", "client", 0, 1500, url__full="http://a/?q=<b>"),
        span("t", "u", "s", "b", "server", 100, 300, 200),
        name="full",
        settings=Settings({"b/workers": 4, "b/limit": None}),
        load={"sample_share": 0.5, "steps": [[1, 2]]},
        sources=(Source("a.json", "of some kind", {"spans": 2}, {"torn line": 1}, ("a note",)),),
        pauses=pauses(("b", 0.5, 12, "gen 2")),
        events=tables.EVENTS.build(
            {"trace_id": ["t"], "span_id": ["u"], "time": [T0.value], "name": ["retry"]}
        ),
        **METRICS,
        **STACKS,
    )


def equal(one: Capture, other: Capture) -> None:
    for name in tables.TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), obj=name)
    for name in ("name", "start", "end", "settings", "load", "sources"):
        assert getattr(one, name) == getattr(other, name), name


def test_a_saved_capture_comes_back_equal(tmp_path):
    folder = full().save(tmp_path / "saved")
    equal(read(folder), full())
    equal(load(folder), full())
    assert is_saved(folder)


def test_an_empty_capture_comes_back_without_a_window(tmp_path):
    Capture(name="nothing").save(tmp_path / "saved")
    again = read(tmp_path / "saved")
    assert pd.isna(again.start)
    assert pd.isna(again.end)
    assert np.isnan(again.duration_s)


def test_saving_over_a_saved_capture_replaces_it_whole(tmp_path):
    full().save(tmp_path / "saved")
    Capture(name="other").save(tmp_path / "saved")
    assert [p.name for p in (tmp_path / "saved").iterdir()] == ["manifest.json"]
    assert [p.name for p in tmp_path.iterdir()] == ["saved"]


def test_what_is_no_saved_capture_is_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(
        TableError, match=r"mine: it exists and is not a saved capture\. Choose another folder"
    ):
        full().save(tmp_path / "mine")
    (tmp_path / "file").write_text("x")
    with pytest.raises(TableError, match="not a saved capture"):
        full().save(tmp_path / "file")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "mine"]


def test_a_save_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(TypeError):
        replace(full(), load={"law": object()}).save(tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: (f / "spans.parquet").write_bytes((f / "spans.parquet").read_bytes()[:200]),
        lambda f: (f / "spans.parquet").write_bytes(b""),
        lambda f: (f / "manifest.json").write_text('{"format": "workbench capture, tables as Parquet"}'),
        lambda f: _edit(f, sources=[{"path": 1}]),
        lambda f: _edit(f, start="yesterday"),
        lambda f: _edit(f, settings=[1]),
        lambda f: _edit(f, sources=None),
    ],
)
def test_a_damaged_saved_capture_is_malformed_and_names_the_folder(tmp_path, damage):
    folder = full().save(tmp_path / "saved")
    damage(folder)
    with pytest.raises(Malformed, match=r"saved: not a whole saved capture"):
        read(folder)


def _edit(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))


def test_tables_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(
        Contradiction, match=r"table samples refers to 1 codes that table series lacks, first 2"
    ):
        Capture(series=METRICS["series"].iloc[:2], samples=METRICS["samples"])
    with pytest.raises(Contradiction, match=r"code 0 stands twice in series"):
        Capture(series=METRICS["series"].assign(series=0), samples=METRICS["samples"])
    with pytest.raises(
        Contradiction, match="table stacks refers to 1 codes that table frames lacks, first 1"
    ):
        Capture(stacks=STACKS["stacks"], frames=STACKS["frames"].iloc[:1])
    with pytest.raises(Contradiction, match=r"later: the window ends at .* before its start"):
        Capture(name="later", start=T0, end=T0 - SECOND)


def test_saved_tables_that_contradict_each_other_are_refused_too(tmp_path):
    folder = full().save(tmp_path / "saved")
    (folder / "series.parquet").unlink()
    with pytest.raises(Contradiction, match="table series lacks"):
        read(folder)


def test_a_frame_that_is_not_the_table_is_refused_with_the_name_of_the_capture():
    with pytest.raises(TableError, match="odd, table spans"):
        Capture(name="odd", spans=tables.EVENTS.empty())


def test_the_window_is_that_of_the_tables_unless_given():
    capture = full()
    assert capture.start == T0
    assert capture.end == T0 + 2 * SECOND  # the last sample
    assert replace(capture, end=T0 + 9 * SECOND).duration_s == 9


def test_services_are_those_that_any_table_mentions():
    assert full().services == ["a", "b"]
    assert Capture().services == []


def test_a_metric_is_wide_with_columns_named_by_the_labels_that_differ():
    wide = full().metric("up")
    assert wide.columns.names == ["instance"]
    assert list(wide.columns) == [("a-0",), ("a-1",)]
    assert wide[("a-1",)].isna().to_list() == [False, True, False]
    assert wide[("a-0",)].iloc[2] == np.inf
    assert full().metric("up", instance="a-1").shape == (2, 1)
    assert full().metric("up", zone="y").empty
    assert full().metric("nothing").empty


def test_a_part_of_the_window_has_what_begins_in_it_and_keeps_what_has_no_date():
    part = full().between(T0 + pd.Timedelta(50, "ms"), T0 + SECOND)
    assert part.spans["span_id"].to_list() == ["u"]
    assert part.events["span_id"].to_list() == ["u"]
    assert len(part.pauses) == 1
    assert len(part.samples) == 0
    assert len(part.stacks) == 1
    assert part.duration_s == 0.95


def test_it_shows_itself_in_words_and_escapes_what_it_was_given():
    capture = replace(full(), name="<script>")
    assert repr(full()) == (
        "Capture('full', 2026-11-20 10:00:00 + 2 s: spans 2, events 1, series 3, samples 8, pauses 1, "
        "frames 2, stacks 1)"
    )
    assert repr(Capture()) == "Capture('': empty)"
    assert "<script>" not in capture._repr_html_()
    assert "&lt;script&gt;" in capture._repr_html_()
