"""What a pipeline reads, read again by a parser of its own: JUnit by its schema, annotations unescaped."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.consistency import ERROR, WARNING, Finding, Said, rules
from workbench.tuning.pipeline import (
    BROKEN,
    HELD,
    NOTED,
    UNKNOWN,
    Result,
    as_github,
    as_json,
    as_junit,
    as_text,
    exit_status,
    findings_as_results,
)

NASTY = 'a,b: 100 %\r\n::error::<b>&"\x00\x1b[31m]]>\ud800 ü'
ALL = [
    Result("P99 ≤ 400 ms", "as recorded", HELD, "P99 300 ms"),
    Result("errors ≤ 1.00 %", "as recorded", BROKEN, "errors 3 %", "a,b:c%.yaml", 12, {"value": 0.03}),
    Result("P95 ≤ 1 s", "more load", UNKNOWN, NASTY, NASTY, 3),
    Result("not predicted", "settings", NOTED, "x"),
]

# Attributes and children of the JUnit format as Jenkins' schema (junit-10.xsd) has them; * is required.
SHAPE = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors", "disabled"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests"},
        {"failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package", "file"},
        {"testcase", "properties", "system-out", "system-err"},
    ),
    "testcase": (
        {"name"},
        {"classname", "time", "file", "line", "status", "assertions"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}


def hold_to_shape(element):
    required, optional, children = SHAPE[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.tag
    for child in element:
        assert child.tag in children
        hold_to_shape(child)
    for name in {"tests", "failures", "errors", "skipped", "line"} & set(element.attrib):
        assert element.attrib[name].isdecimal()


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ([], 0),
        ([HELD, NOTED], 0),
        ([HELD, BROKEN], 1),
        ([HELD, UNKNOWN], 2),
        ([UNKNOWN, BROKEN, HELD], 1),
    ],
)
def test_broken_is_1_before_cannot_tell_is_2(answers, status):
    assert exit_status([Result("x", "y", answer) for answer in answers]) == status


def test_junit_has_the_shape_of_its_schema_and_counts_right():
    root = ET.fromstring(as_junit(ALL, suite="workbench check").encode())
    hold_to_shape(root)
    suite = root[0]
    assert {k: suite.get(k) for k in ("tests", "failures", "errors")} == {
        "tests": "4",
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
    }
    case = suite[1]
    assert (case.get("file"), case.get("line"), case[0].tag) == ("a,b:c%.yaml", "12", "failure")
    assert case[0].get("message") == "errors 3 %"


@given(st.text())
def test_junit_is_xml_whatever_the_texts_hold(text):
    root = ET.fromstring(as_junit([Result(text, text, BROKEN, text, text)], suite=text).encode())
    hold_to_shape(root)
    assert len(root[0]) == 1


def unescaped(command):
    """A workflow command as GitHub's runner reads it (ActionCommand.cs): kind, properties, message."""
    found = re.fullmatch(r"::(\w+) ([^\r\n]*?)::([^\r\n]*)", command)
    assert found, command
    pairs = dict(pair.split("=", 1) for pair in found[2].split(","))

    def plain(text, also):
        for code, character in [*also, ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]:
            text = text.replace(code, character)
        return text

    colon = [("%3A", ":"), ("%2C", ",")]
    return found[1], {k: plain(v, colon) for k, v in pairs.items()}, plain(found[3], [])


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_annotation_says_what_was_meant_whatever_the_texts_hold(name, why):
    line = as_github([Result(name, "g", BROKEN, why, name, 7)])
    kind, properties, message = unescaped(line)
    assert kind == "error"
    assert properties == {"file": name, "line": "7", "title": name}
    assert message == f"g: {why}"


def test_annotations_are_one_line_each_and_leave_out_what_holds():
    lines = as_github(ALL).split("\n")
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::warning"]
    assert (
        lines[0]
        == "::error file=a%2Cb%3Ac%25.yaml,line=12,title=errors ≤ 1.00 %25::as recorded: errors 3 %25"
    )
    assert as_github(ALL[:1]) == ""


def test_json_says_the_status_and_is_json_for_everyone():
    found = json.loads(as_json(ALL), parse_constant=pytest.fail)
    assert found["status"] == 1
    assert found["results"][1]["numbers"] == {"value": 0.03}


def test_text_ends_with_what_is_broken():
    assert as_text(ALL).splitlines()[-1] == (
        "broken: as recorded: errors ≤ 1.00 %: errors 3 % (a,b:c%.yaml:12)"
    )


def test_findings_become_results_at_the_first_place_with_a_line():
    places = (Said("r", "s", 1, "a/b", "1 s", file="x.yaml"), Said("r", "s", 1, "a/c", "2 s", "", "", "y", 4))
    rule = sorted(rules())[0]
    found = findings_as_results(
        [Finding(ERROR, "too long", "shorter", places, rule), Finding(WARNING, "w", "c", places[:1], rule)]
    )
    ours = [one for one in found if one.name == rule]
    assert [(one.answer, one.file, one.line) for one in ours] == [(BROKEN, "y", 4), (NOTED, "x.yaml", 0)]
    assert ours[0].why == "too long\nx.yaml: a/b = 1 s\ny:4: a/c = 2 s\nchange: shorter"
    assert {one.name for one in found if one.answer == HELD} == set(rules()) - {rule}
