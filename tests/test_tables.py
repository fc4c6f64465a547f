"""Tables are made and checked at the door: right dtypes, or an error that names table, column and place."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench import tables
from workbench.errors import TableError
from workbench.tables import PAUSES, SAMPLES, SERIES, SPANS, STACKS, TABLES

ONE_SPAN = {
    "trace_id": ["t"],
    "span_id": ["s"],
    "name": ["GET /"],
    "kind": ["server"],
    "start": [1_700_000_000_000_000_001],
    "duration_s": [0.5],
    "status": ["ok"],
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_absent_table_has_no_rows_the_right_columns_and_is_the_table(table):
    empty = table.empty()
    assert len(empty) == 0
    assert list(empty.columns) == table.names
    assert table.check(empty) is empty


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_says_what_it_means_and_seconds_and_bytes_their_unit(table):
    for column in table.columns:
        assert column.meaning
        if column.name.endswith("_s"):
            assert (column.unit, column.dtype) == ("s", "float64")
        if column.name.endswith("_bytes"):
            assert (column.unit, column.dtype) == ("bytes", "Int64")


def test_what_a_reader_lacks_is_missing_and_service_and_instance_are_empty_text():
    frame = SPANS.build(ONE_SPAN)
    assert frame["parent_id"].isna().all()
    assert frame["service"].to_list() == frame["instance"].to_list() == [""]
    assert list(frame["attributes"].iloc[0]) == []


def test_times_keep_their_nanoseconds_from_numbers_text_and_other_zones():
    for start in ([1_700_000_000_000_000_001], ["2023-11-14T22:13:20.000000001Z"]):
        frame = SPANS.build(ONE_SPAN | {"start": start})
        assert str(frame["start"].dtype) == "datetime64[ns, UTC]"
        assert frame["start"].iloc[0].value == 1_700_000_000_000_000_001
    other = pd.Series(pd.to_datetime(["2023-11-14T23:13:20+01:00"]))
    assert SPANS.build(ONE_SPAN | {"start": other})["start"].iloc[0].hour == 22


def test_text_of_python_and_arrow_is_one_dtype():
    plain, arrow = SPANS.build(ONE_SPAN), SPANS.build(ONE_SPAN | {"name": pa.array(["GET /"])})
    pd.testing.assert_frame_equal(plain, arrow)


def test_attributes_may_be_mappings_pairs_or_arrow():
    pairs = [("a", "1"), ("b", "2")]
    map_type = pa.map_(pa.string(), pa.string())
    for attributes in ([dict(pairs)], [pairs], pa.array([pairs], type=map_type)):
        frame = SPANS.build(ONE_SPAN | {"attributes": attributes})
        assert list(frame["attributes"].iloc[0]) == pairs


def test_a_missing_size_is_missing_and_not_0():
    frame = PAUSES.build(
        {
            "duration_s": [0.1, 0.2],
            "kind": ["a", "b"],
            "collector": ["G1", "G1"],
            "heap_after_bytes": [None, 7],
        }
    )
    assert frame["heap_after_bytes"].isna().to_list() == [True, False]
    assert frame["start"].isna().all()


def test_an_index_of_the_giver_does_not_matter():
    duration = pd.Series([0.5], index=[17])
    assert SPANS.build(ONE_SPAN | {"duration_s": duration})["duration_s"].to_list() == [0.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": ["red"]}, r"unknown \['colour'\], absent \[\]; expected columns"),
        ({"duration_s": [0.5, 0.6]}, "unequal length"),
        ({"duration_s": ["soon"]}, "column duration_s: values that are not float64.*in s: end minus start"),
        ({"start": ["half past"]}, "column start: values that are not"),
        ({"attributes": [{"a": 1}]}, "column attributes: values that are not"),
        ({"name": [None]}, "column name: a missing value in row 0"),
        ({"duration_s": [-0.25]}, r"column duration_s: -0.25 s in row 0; expected a duration of 0 s or more"),
        ({"start": [None]}, "column start: a missing value in row 0"),
    ],
)
def test_what_is_no_span_is_refused_with_its_place(change, message):
    with pytest.raises(TableError, match=message) as error:
        SPANS.build(ONE_SPAN | change, where="file.json:3")
    assert error.value.where.startswith("file.json:3, table spans")


def test_an_absent_column_is_named():
    with pytest.raises(TableError, match=r"absent \['status'\]"):
        SPANS.build({name: values for name, values in ONE_SPAN.items() if name != "status"})


def test_a_frame_of_other_columns_order_or_dtypes_is_not_the_table():
    frame = SPANS.build(ONE_SPAN)
    with pytest.raises(TableError, match="columns"):
        SPANS.check(frame[frame.columns[::-1]])
    with pytest.raises(TableError, match=r"column duration_s: dtype float32; expected float64 in s"):
        SPANS.check(frame.astype({"duration_s": "float32"}))
    with pytest.raises(TableError, match=r"column start: dtype datetime64\[us, UTC\]"):
        SPANS.check(frame.assign(start=frame["start"].dt.as_unit("us")))


def test_samples_keep_nan_and_infinities_as_scraped():
    values = [1.0, np.nan, np.inf, -np.inf]
    frame = SAMPLES.build({"series": [0] * 4, "time": [1, 2, 3, 4], "value": values})
    np.testing.assert_array_equal(frame["value"], values)


def test_joined_tables_keep_their_order_and_dtypes():
    parts = [SERIES.build({"series": [i], "metric": ["up"], "labels": [{"n": str(i)}]}) for i in range(3)]
    joined = SERIES.concat([parts[2], SERIES.empty(), parts[0]])
    assert joined["series"].to_list() == [2, 0]
    assert SERIES.check(joined) is joined
    assert SERIES.concat([]).equals(SERIES.empty())


def test_frames_of_a_stack_are_codes_innermost_first():
    frame = STACKS.build({"frames": [[3, 1, 0]], "type": ["cpu"], "value": [1.0], "unit": ["count"]})
    assert frame["frames"].list.flatten().to_list() == [3, 1, 0]
    assert frame["frames"].dtype == tables.CODES
