"""YAML is edited where it stands: by hand-written pairs of before and after."""

from __future__ import annotations

import pytest

from workbench.errors import TargetError
from workbench.targets._yaml import Change, parse, write


def put(text: str, *changes: tuple[str, str], why: str = "") -> str:
    """Write values at dotted places of the first document."""
    made = [
        Change((0, *(int(s) if s.isdigit() else s for s in place.split("."))), value, f"s/{place}", why)
        for place, value in changes
    ]
    return write(text, made, where="it.yaml")


PAIRS = {
    "a plain value": ("a: 1  # one\nb: 2\n", [("a", "9")], "a: 9  # one\nb: 2\n"),
    "a quoted value": ("a: '1'\n", [("a", "9")], "a: '9'\n"),
    "an empty value": ("a:   # none yet\nb: 2\n", [("a", "9")], "a: 9   # none yet\nb: 2\n"),
    "a null": ("a: ~\n", [("a", "9")], "a: 9\n"),
    "no line end": ("a:\n  b: 1", [("a.c", "9")], "a:\n  b: 1\n  c: 9"),
    "a new key, the file's indent": (
        "a:\n    b: 1   # last\n\n# next\nz: 1\n",
        [("a.c.d", "9")],
        "a:\n    b: 1   # last\n    c:\n        d: 9\n\n# next\nz: 1\n",
    ),
    "a new key after a block of text": (
        "a:\n  t: |\n    x\n    # y\nz: 1\n",
        [("a.c", "9")],
        "a:\n  t: |\n    x\n    # y\n  c: 9\nz: 1\n",
    ),
    "keys below nothing": (
        "a:  # none\nb: 1\n",
        [("a.c", "8"), ("a.d", "9")],
        "a:  # none\n  c: 8\n  d: 9\nb: 1\n",
    ),
    "nothing in a flow mapping": ("a: {b: , c: 1}\n", [("a.b", "9")], "a: {b: 9 , c: 1}\n"),
    "keys below nothing in a flow mapping": ("a: {c: }\n", [("a.c.d", "9")], "a: {c: {d: 9} }\n"),
    "keys below null": ("a: null\nb: 1\n", [("a.c.d", "9")], "a: {c: {d: 9}}\nb: 1\n"),
    "a flow mapping": (
        "a: {b: 1, c: 2}  # x\n",
        [("a.c", "9"), ("a.d", "7")],
        "a: {b: 1, c: 9, d: 7}  # x\n",
    ),
    "an empty flow mapping": ("a: { }\n", [("a.b", "9")], "a: {b: 9 }\n"),
    "a flow mapping over lines": (
        "a: {b: 1,  # x\n    c: 2,\n}\n",
        [("a.d", "9")],
        "a: {b: 1,  # x\n    c: 2, d: 9,\n}\n",
    ),
    "JSON": ('{"a": {"b": 1}}', [("a.b", "9"), ("a.c", "7")], '{"a": {"b": 9, c: 7}}'),
    "keys of a mapping and of the one at its end": (
        "a:\n  b:\n    x: 1\nz: 1\n",
        [("a.c.d", "9"), ("a.b.w", "8")],
        "a:\n  b:\n    x: 1\n    w: 8\n  c:\n    d: 9\nz: 1\n",
    ),
    "keys of a mapping and of nothing at its end": (
        "a:\n  b:\n",
        [("a.c", "9"), ("a.b.w", "8")],
        "a:\n  b:\n    w: 8\n  c: 9\n",
    ),
    "a list that is not there": (
        "a:\n  x: 1\n",
        [("a.b.c.0.d", "9"), ("a.b.c.0.e.f", "7")],
        "a:\n  x: 1\n  b:\n    c:\n      - d: 9\n        e:\n          f: 7\n",
    ),
    "a list that is not there, in a flow mapping": ("a: {}\n", [("a.c.0.d", "9")], "a: {c: [{d: 9}]}\n"),
    "an entry of a list": (
        "a:\n- b: 1\n- b: 2\n",
        [("a.1.b", "9"), ("a.0.c", "7")],
        "a:\n- b: 1\n  c: 7\n- b: 9\n",
    ),
    "a reference": ("a: &x 1\nb: *x\nc: {d: *x}\n", [("b", "9"), ("c.d", "7")], "a: &x 1\nb: 9\nc: {d: 7}\n"),
    "an anchor of which nobody speaks": ("a: &x 1\n", [("a", "9")], "a: &x 9\n"),
    "a merged value": (
        "d: &d {b: 1}\na:\n  <<: *d\n  c: 1\n",
        [("a.b", "9")],
        "d: &d {b: 1}\na:\n  <<: *d\n  c: 1\n  b: 9\n",
    ),
    "keys that look like other things": ("a: {}\n", [("a.on", "9")], 'a: {"on": 9}\n'),
}  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_value_is_written_where_it_stands(pair):
    before, changes, after = pair
    assert put(before, *changes) == after


def test_a_reason_stands_above_the_line_with_its_indent():
    before = "a:\n  - b: 1\n    c: {d: 1,\n        e: 2}\n"
    assert put(before, ("a.0.b", "9"), ("a.0.c.e", "7"), why="so") == (
        "a:\n  # workbench s/a.0.b: so\n  - b: 9\n"
        "    # workbench s/a.0.c.e: so\n    c: {d: 1,\n        e: 7}\n"
    )


def test_an_old_reason_goes_and_other_comments_stay():
    before = "# workbench s/a: old\n# mine\n# workbench s/b: other\na: 1\n"
    assert (
        put(before, ("a", "9"), why="new") == "# mine\n# workbench s/b: other\n# workbench s/a: new\na: 9\n"
    )


REFUSED = {
    "a shared mapping": ("a: &x {b: 1}\nc: *x\n", "c.b", "lies in an anchor that others use"),
    "the anchor itself": ("a: &x 1\nb: *x\n", "a", "is an anchor that other places refer to"),
    "a merged mapping": ("d: &d {l: {r: 1, b: 2}}\na:\n  <<: *d\n", "a.l.r", "comes from an anchor"),
    "a mapping in place of a value": ("a: {b: 1}\n", "a", "a mapping at a"),
    "a value in place of a mapping": ("a: 1\n", "a.b", "'1' on the way to a.b"),
    "a list entry that is not there": ("a: []\n", "a.0.b", "a list on the way to a.0.b"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_would_change_more_than_asked_is_refused(case):
    text, place, message = case
    with pytest.raises(TargetError, match=message) as error:
        put(text, (place, "9"))
    assert error.value.where.startswith("it.yaml:")


BROKEN = {
    "not closed": ("a: {b: 1\n", "it.yaml:2:1"),
    "a tab": ("a:\n\tb: 1\n", "it.yaml:2:1"),
    "a key twice": ("a: 1\nb: 2\na: 3\n", "it.yaml:3"),
    "an unknown reference": ("a: *x\n", "it.yaml:1:4"),
    "a control character": ("a: \x00\n", "it.yaml"),
    "thousands of levels": ("[" * 5000, "it.yaml"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_what_is_no_yaml_is_placed(case):
    text, where = case
    with pytest.raises(TargetError) as error:
        parse(text, where="it.yaml")
    assert error.value.where == where


def test_references_upon_references_take_no_time():
    bomb = "a0: &a0 [1, 1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)
    )
    assert put(bomb + "z: 1\n", ("z", "9")) == bomb + "z: 9\n"
