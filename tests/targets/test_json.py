"""JSON is edited where it stands, by hand-written pairs; Python's own parser reads the same values."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import TargetError
from workbench.targets import _json

PAIRS = {
    "a value": ('{"a": 1, "b":2}', {("b",): "9"}, '{"a": 1, "b":9}'),
    "a new member on the line": ('{"a": 1, "b": 2}', {("c",): "9"}, '{"a": 1, "b": 2, "c": 9}'),
    "the first member": ('{"a": {}}', {("a", "b"): "9"}, '{"a": {"b": 9}}'),
    "in place of null": ('{"a": null}', {("a", "b", "c"): "9"}, '{"a": {"b": {"c": 9}}}'),
    "a new member on a line": (
        '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n',
        {("a", "c"): "9", ("d", "e"): "8", ("d", "f"): "7"},
        '{\n\t"a": {\n\t\t"b": 1,\n\t\t"c": 9\n\t},\n\t"d": {\n\t\t"e": 8,\n\t\t"f": 7\n\t}\n}\n',
    ),
    "the first member of a file": ("{\n}\n", {("a",): "9"}, '{\n  "a": 9\n}\n'),
    "an item": ('[{"a": 1}, {"a": 2}]', {(1, "a"): "9"}, '[{"a": 1}, {"a": 9}]'),
    "Windows": ('{\r\n "a": 1\r\n}', {("b",): "9"}, '{\r\n "a": 1,\r\n "b": 9\r\n}'),
    "a key that needs escapes": ('{"a": 1}', {('"\n',): "9"}, '{"a": 1, "\\"\\n": 9}'),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_value_is_written_where_it_stands(pair):
    before, changes, after = pair
    assert _json.write(before, changes, where="it.json") == after
    json.loads(after)


@pytest.mark.parametrize(
    ("text", "where"),
    [("", "it.json:1:1"), ("{", "it.json:1:2"), ('{"a": 1,}', "it.json:1:9"), ('{\n"a": 01}', "it.json:2:7"),
     ('{"a": 1} x', "it.json:1:10"), ('{"a": 1, "a": 2}', "it.json:1:10"), ("[" * 5000, "it.json:1:202"),
     ("{'a': 1}", "it.json:1:2"), ('{"a": NaN}', "it.json:1:7"), ("// no\n{}", "it.json:1:1")],
)  # fmt: skip
def test_what_is_no_json_is_placed(text, where):
    with pytest.raises(TargetError) as error:
        _json.parse(text, where="it.json")
    assert error.value.where == where


@pytest.mark.parametrize("place", [("a",), ("a", "b", "c"), ("l", 3), ("l", "x"), ("b", "c")])
def test_a_place_that_holds_something_else_is_refused(place):
    with pytest.raises(TargetError, match="expected"):
        _json.write('{"a": {"b": 1}, "b": 2, "l": [1]}', {place: "9"}, where="it.json")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=150)
@given(
    data=VALUES,
    indent=st.sampled_from([None, 1, "\t"]),
    keys=st.lists(st.text(max_size=3), min_size=1, max_size=3),
)
def test_an_edit_is_what_python_would_have_made(data, indent, keys):
    root = {"r": data}
    text = json.dumps(root, indent=indent)
    try:
        after = _json.write(text, {("r", *keys): "7"}, where="it")
    except TargetError:
        return
    holder = root
    for key in ["r", *keys[:-1]]:
        holder[key] = {} if holder.get(key) is None else holder[key]
        holder = holder[key]
    holder[keys[-1]] = 7
    assert json.loads(after) == root


@settings(max_examples=150)
@given(st.text(alphabet='{}[]:,"\\ \n01-.eu a', max_size=20))
def test_it_reads_what_python_reads(text):
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0)
        theirs = True
    except (ValueError, ZeroDivisionError):
        theirs = False
    try:
        _json.parse(text, where="it")
        ours = True
    except TargetError as error:
        ours = "stands there before" in str(error)  # Python takes the last of two keys
    assert ours == theirs
