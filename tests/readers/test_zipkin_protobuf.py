"""The Zipkin protobuf reader, against the same calls in JSON and bytes by hand."""

from __future__ import annotations

import struct

import pandas as pd
import pytest

from tests.needs import ROOT, corpus
from workbench.errors import Malformed, Unrecognized
from workbench.readers import Stream, recognise, zipkin_json, zipkin_protobuf

SAMPLE = ROOT / "data" / "samples" / "zipkin_protobuf" / "spans.pb"


def test_recorded_spans_have_the_shape_of_those_that_the_same_program_sent_as_json():
    seen = []
    for reader, path in ((zipkin_json, "v2_json.003"), (zipkin_protobuf, "v2_proto3.003")):
        file = corpus("generated", "otel", "py_zipkin", path)
        assert recognise(Stream("", file).head()) is reader
        frames = reader.read(Stream(path, file)).frames
        columns = ["service", "instance", "name", "kind", "status"]
        tags = [dict(told) for told in frames["spans"]["attributes"]]
        seen.append((frames["spans"][columns], tags, len(frames["events"])))
    pd.testing.assert_frame_equal(seen[0][0], seen[1][0])
    assert seen[0][1:] == seen[1][1:]


def test_every_field_is_read():
    endpoint = b"\x0a\x04shop" + b"\x12\x04\x0a\0\0\1" + b"\x20\x50"
    annotation = b"\x09" + struct.pack("<Q", 1_521_186_011_929_106) + b"\x12\x02ws"
    ids = b"\x0a\x08" + b"\1" * 8 + b"\x12\x08" + b"\2" * 8 + b"\x1a\x08" + b"\3" * 8
    times = b"\x31" + struct.pack("<Q", 1_521_186_011_929_105) + b"\x38\xf3\x02"
    span = ids + b"\x20\x01\x2a\x03get" + times + b"\x42" + bytes([len(endpoint)]) + endpoint
    span += b"\x52" + bytes([len(annotation)]) + annotation + b"\x5a\x06\x0a\x01k\x12\x01v"
    frames = zipkin_protobuf.read(Stream("", b"\x0a" + bytes([len(span)]) + span)).frames
    row = frames["spans"].iloc[0]
    assert (row["trace_id"], row["parent_id"], row["span_id"]) == ("01" * 8, "02" * 8, "03" * 8)
    assert (row["service"], row["instance"]) == ("shop", "10.0.0.1:80")
    assert (row["kind"], row["name"]) == ("client", "get")
    assert (row["start"].value, row["duration_s"]) == (1_521_186_011_929_105_000, 371e-6)
    assert dict(row["attributes"]) == {"k": "v"}
    assert frames["events"]["name"].tolist() == ["ws"]


def test_a_message_that_is_cut_off_is_refused_with_its_place():
    content = SAMPLE.read_bytes()
    with pytest.raises(Malformed) as caught:
        zipkin_protobuf.read(Stream("spans.pb", content[:-5]))
    assert caught.value.where.startswith("spans.pb, byte ")
    assert "cut off" in caught.value.found


def test_otlp_is_not_claimed():
    content = (ROOT / "data/samples/otlp_protobuf/request.pb").read_bytes()
    assert not zipkin_protobuf.sniff(content)
    with pytest.raises(Unrecognized):
        zipkin_protobuf.read(Stream("", content))


def test_the_sample_is_three_calls():
    spans = zipkin_protobuf.read(Stream("", SAMPLE)).frames["spans"]
    assert spans["kind"].value_counts().to_dict() == {"server": 6, "client": 3}
