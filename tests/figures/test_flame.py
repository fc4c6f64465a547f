"""The flame graph: one box for each wide path, foreign text made harmless, matches told in the title."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import pytest

from workbench.analysis import profiles
from workbench.capture import Capture
from workbench.figures import theme
from workbench.figures.flame import flame
from workbench.readers import Stream, folded

TEXT = """\
main (shop.py:1);serve (shop.py:2);loads (json/decoder.py:3) 30
main (shop.py:1);serve (shop.py:2);fib (shop.py:4) 60
main (shop.py:1) 9
main (shop.py:1);rare (shop.py:5) 1
"""


def test_boxes_are_the_nodes_of_the_tree_with_their_weights():
    (icicle,) = _icicles(flame(_tree(TEXT)))
    boxes = dict(zip(icicle.labels, icicle.values, strict=True))
    assert boxes == {"samples": 100, "main": 100, "serve": 90, "loads": 30, "fib": 60, "": 1}
    assert icicle.branchvalues == "total"
    assert set(icicle.parents) <= {"", *icicle.ids}


def test_boxes_narrower_than_a_tenth_of_a_percent_are_left_out():
    tree = _tree("main;wide 9990\nmain;narrow 9\nmain;just 11\n")
    (icicle,) = _icicles(flame(tree))
    assert sorted(icicle.values) == [11, 9990, 10010, 10010]


def test_the_title_asks_and_says_what_share_a_search_matched():
    assert _title(flame(_tree(TEXT))) == "Where do 100 samples go?"
    assert "“FIB” stands in 60.0% of it, in 1 box<" in _title(flame(_tree(TEXT), search="FIB"))


@pytest.mark.parametrize(
    ("type", "unit", "weight", "title"),
    [
        ("cpu", "nanoseconds", 8.11e9, "Where do 8.11 s of cpu go?"),
        ("time", "seconds", 0.0025, "Where do 2.5 ms of time go?"),
        ("inuse_space", "bytes", 45 * 2**20, "Where do 45 MiB of inuse_space go?"),
        ("contentions", "count", 4878, "Where do 4,878 contentions go?"),
        ("weight", "", 14, "Where do 14 of weight go?"),
    ],
)
def test_amounts_have_the_unit_that_a_reader_would_choose(type, unit, weight, title):
    nodes = _tree("main 1\nmain;a 1\n").nodes
    nodes[["self", "total", "weight"]] *= weight / 2
    assert _title(flame(profiles.Tree(type, unit, nodes))) == title


def test_a_difference_of_profiles_says_so():
    assert _title(flame(_tree("main;a 5\nmain;b -3\n"))) == "What changed in samples? 2 samples in sum"


def test_matches_alone_have_the_colour_of_matches():
    (icicle,) = _icicles(flame(_tree(TEXT), search="json"))
    colours = dict(zip(icicle.labels, icicle.marker.colors, strict=True))
    assert [label for label, colour in colours.items() if colour == theme.PURPLE] == ["loads"]
    (plain,) = _icicles(flame(_tree(TEXT)))
    assert theme.PURPLE not in plain.marker.colors


def test_modules_have_a_colour_each_and_a_legend():
    drawn = flame(_tree(TEXT))
    names = [trace.name for trace in drawn.data if isinstance(trace, go.Scatter)]
    assert names == ["shop", "json"]  # most weight of its own first
    (icicle,) = _icicles(drawn)
    colours = dict(zip(icicle.labels, icicle.marker.colors, strict=True))
    assert colours["main"] == colours["fib"] != colours["loads"]


def test_names_from_a_profile_carry_no_markup():
    evil = "<a href='javascript:x'>$\\alpha$%{label}"
    drawn = flame(_tree(f"{evil} (<b>x</b>/{evil}.py:1);ok 10\n"), search=evil)
    text = drawn.to_json()
    assert not re.search(r"(<|\\u003c)a ", text)
    assert "$" not in text.replace("&#36;", "")
    assert "%{label}" not in text


def test_long_names_are_cut_to_their_box_and_whole_when_pointed_at():
    name = "a_very_long_name_of_a_function_" * 4
    (icicle,) = _icicles(flame(_tree(f"main;{name} 10\nmain;other 90\n")))
    (label,) = [label for label in icicle.labels if "…" in label]
    assert len(label) < 25  # a tenth of 1180 px holds 16 letters of 7 px
    assert any(name in hover for hover in icicle.text)


def test_a_profile_without_samples_says_so_in_words():
    drawn = flame(profiles.tree(Capture()))
    assert not _icicles(drawn)
    assert drawn.layout.annotations[0].text == "The profile holds no samples."


def _tree(text: str) -> profiles.Tree:
    return profiles.tree(Capture("text", **folded.read(Stream("text", text.encode())).frames))


def _icicles(drawn: go.Figure) -> list[go.Icicle]:
    return [trace for trace in drawn.data if isinstance(trace, go.Icicle)]


def _title(drawn: go.Figure) -> str:
    return drawn.layout.title.text
