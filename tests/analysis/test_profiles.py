"""Weight by function as pprof reports it, trees against naive folding, and search without double counting."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from tests.needs import corpus
from tests.readers.corpus import expected
from workbench.analysis import profiles
from workbench.capture import Capture
from workbench.errors import TableError
from workbench.readers import Stream, folded, pprof

TEXT = """\
main;serve;loads 3
main;serve;loads;hook 2
main;serve;fib;fib;fib 4
main;idle 1
 5
"""


@pytest.mark.parametrize("folder", ["profiles", "generated"])
def test_self_and_total_by_function_are_those_of_pprof_top(folder):
    checked, differing = 0, {}
    for path, known in expected(folder).items():
        tops = {q: v for q, v in known.items() if q.startswith(("top_flat[", "top_cum["))}
        stream = Stream(path, corpus(folder, path))
        if not tops or not pprof.sniff(stream.head()):
            continue
        capture = Capture(path, **pprof.read(stream).frames)
        for kind in {q.partition("[")[2].partition("/")[0] for q in tops}:
            # pprof's functions have no file
            by = profiles.functions(capture, type=kind).groupby("function")[["self", "total"]].sum()
            for quantity, value in tops.items():
                if quantity.partition("[")[2].startswith(f"{kind}/"):
                    name = re.sub(r" \((partial-)?inline\)$", "", quantity.partition("flat|cum:")[2])
                    wanted = tuple(map(float, value.value.split("|")))
                    ours = tuple(by.loc[name]) if name in by.index else None
                    checked += 1
                    if wanted != ours:
                        differing[path, quantity] = (wanted, ours)
    assert checked > 60
    assert differing == {}


def test_inlined_functions_count_by_themselves_or_for_their_callers():
    # pprof's golden files, in ms: pprof.cpu.flat.functions.text and pprof.cpu.flat.functions.noinlines.text
    inlines = {
        "line1000": (1100, 1100),
        "line2001": (10, 1010),
        "line3002": (10, 1020),
        "line2000": (0, 1010),
    }
    callers = {"line1000": (1100, 1100), "line2000": (10, 1010), "line3000": (10, 1120)}
    path = corpus("profiles", "google+pprof", "driver_synthetic", "cpu.pb.gz")
    capture = Capture("cpu", **pprof.read(Stream("cpu", path)).frames)
    own = profiles.functions(capture).set_index("function")
    assert {name: tuple(own.loc[name, ["self", "total"]]) for name in inlines} == inlines
    without = profiles.functions(profiles.without_inlined(capture)).set_index("function")
    assert {name: tuple(row) for name, row in without[["self", "total"]].iterrows()} == callers


def test_a_recursive_function_counts_once_for_each_stack():
    made = profiles.functions(_capture(TEXT)).set_index("function")
    # by hand from the text: 15 in all, 5 of them in no function
    assert made["total"].to_dict() == {"main": 10, "serve": 9, "loads": 5, "fib": 4, "hook": 2, "idle": 1}
    assert made["self"].to_dict() == {"fib": 4, "loads": 3, "hook": 2, "idle": 1, "serve": 0, "main": 0}
    assert made.loc["fib", "total_share"] == 4 / 15
    assert made.index[:2].tolist() == ["fib", "loads"]


def test_a_tree_holds_every_path_once_with_its_weight():
    tree = profiles.tree(_capture(TEXT))
    assert _paths(tree) == {
        "": (5, 15),
        "main": (0, 10),
        "main;serve": (0, 9),
        "main;serve;loads": (3, 5),
        "main;serve;loads;hook": (2, 2),
        "main;serve;fib": (0, 4),
        "main;serve;fib;fib": (0, 4),
        "main;serve;fib;fib;fib": (4, 4),
        "main;idle": (1, 1),
    }
    assert (tree.type, tree.unit) == ("samples", "count")


def test_trees_of_random_stacks_equal_naive_folding():
    luck = np.random.default_rng(11)
    lines, total, own = [], Counter(), Counter()
    for _ in range(400):
        frames = [f"f{i}" for i in luck.integers(0, 5, luck.integers(1, 9))]
        weight = int(luck.integers(1, 50))
        lines.append(f"{';'.join(frames)} {weight}")
        own[";".join(frames)] += weight
        for depth in range(len(frames) + 1):
            total[";".join(frames[:depth])] += weight
    tree = profiles.tree(_capture("\n".join(lines)))
    assert _paths(tree) == {path: (own[path], weight) for path, weight in total.items()}
    assert (tree.nodes["parent"].iloc[1:] < np.arange(1, len(tree.nodes))).all()


def test_where_weights_are_negative_the_absolute_ones_are_kept_beside():
    tree = profiles.tree(_capture("main;a;x 5\nmain;a;y -3\n"))
    named = tree.nodes.set_index("function")
    assert named.loc["a", ["total", "weight"]].tolist() == [2, 8]
    made = profiles.functions(_capture("main;a;x 5\nmain;a;y -3\n")).set_index("function")
    assert made["self_share"].to_dict() == {"x": 5 / 8, "y": -3 / 8, "a": 0, "main": 0}


def test_search_counts_weight_under_nested_matches_once():
    tree = profiles.tree(_capture(TEXT))
    found = profiles.search(tree, "FIB")
    assert found.matches.sum() == 3
    assert found.share == 4 / 15
    assert profiles.search(tree, "serve").share == 9 / 15
    assert profiles.search(tree, "(").share == 0  # no pattern, only text
    assert not profiles.search(tree, "").matches.any()


def test_search_looks_at_file_names_too():
    tree = profiles.tree(_capture("main (shop.py:1);loads (json/decoder.py:7) 3\nmain (shop.py:1) 1\n"))
    assert profiles.search(tree, "decoder").share == 3 / 4


def test_threads_and_services_can_be_chosen():
    capture = _capture("thread (1): a;main (x.py:1) 3\nthread (2): b;main (x.py:1);f (x.py:2) 4\n")
    assert profiles.tree(capture, thread="b").nodes["total"].tolist() == [4, 4, 4]
    assert profiles.functions(capture, service="none").empty


def test_a_sample_type_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(TableError, match=r"no sample type 'cpu'.*expected samples"):
        profiles.tree(_capture(TEXT), type="cpu")


def test_a_capture_without_profile_gives_a_root_and_no_functions():
    tree = profiles.tree(Capture())
    assert tree.nodes[["parent", "total"]].to_numpy().tolist() == [[-1, 0]]
    assert profiles.functions(Capture()).empty
    assert profiles.search(tree, "x").share == 0


@pytest.mark.parametrize(
    ("function", "file", "module"),
    [
        ("JSONDecoder.decode", "json/decoder.py", "json"),
        ("price", "/srv/shop/orders/app.py", "orders"),
        ("price", "shop.py", "shop"),
        ("get", "/usr/lib/python3.11/site-packages/aiohttp/web.py", "aiohttp"),
        ("_find_and_load", "<frozen importlib._bootstrap>", "importlib"),
        ("net/http.(*conn).serve", "net/http/server.go", "net/http"),
        ("github.com/a/b.F[go.shape.int]", "", "github.com/a/b"),
        ("main.main.func1", "", "main"),
        ("runtime.mallocgc", "runtime/malloc.go", "runtime"),
        ("java.util.HashMap.get", "", "java.util"),
        ("java/util/HashMap.get", "", "java.util"),
        ("std::vector<int>::push_back(int)", "", "std"),
        ("[libc.so.6]", "/usr/lib/libc.so.6", "libc.so.6"),
        ("malloc", "libc.so.6", "libc.so.6"),
        ("main", "", ""),
    ],
)
def test_a_module_is_what_names_of_its_language_say(function, file, module):
    assert profiles.module(function, file) == module


def _capture(text: str) -> Capture:
    return Capture("text", **folded.read(Stream("text", text.encode())).frames)


def _paths(tree: profiles.Tree) -> dict[str, tuple[float, float]]:
    paths = [""]
    rows = zip(tree.nodes["parent"], tree.nodes["function"], strict=True)
    for parent, function in list(rows)[1:]:
        paths.append(f"{paths[parent]};{function}" if parent else function)
    assert len(set(paths)) == len(paths)
    return dict(zip(paths, zip(tree.nodes["self"], tree.nodes["total"], strict=True), strict=True))
