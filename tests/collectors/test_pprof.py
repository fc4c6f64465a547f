"""A program with net/http/pprof, as Go 1.26 answers; tests/conformance has a real one."""

from __future__ import annotations

from pathlib import Path

import pytest

import workbench
from tests.collectors.loopback import in_turn, plain, serve
from tests.needs import ROOT
from workbench.collectors import pprof
from workbench.errors import CollectError

PROFILE = (ROOT / "data" / "samples" / "pprof" / "shop-cpu.pb.gz").read_bytes()
LIST = (ROOT / "data" / "samples" / "pprof_text" / "goroutine-list.txt").read_bytes()
KINDS = (
    "allocs",
    "block",
    "cmdline",
    "goroutine",
    "heap",
    "mutex",
    "profile",
    "shop.orders",
    "symbol",
    "trace",
)
INDEX = "".join(f"<tr><td>1</td><td><a href='{k}?debug=1'>{k}</a></td></tr>\n" for k in KINDS).encode()
BINARY = {"kind": "application/octet-stream"}


def live(path, params):
    kind = path.removeprefix("/debug/pprof/")
    if not kind:
        return plain(
            200, INDEX + b'<a href="goroutine?debug=2">full dump</a>', kind="text/html; charset=utf-8"
        )
    if kind not in KINDS:
        return plain(404, b"Unknown profile\n", "text/plain; charset=utf-8")
    return (
        plain(200, LIST, kind="text/plain; charset=utf-8")
        if "debug" in params
        else plain(200, PROFILE, **BINARY)
    )


def test_every_profile_that_is_listed_is_a_file_as_it_came(tmp_path):
    with serve(live) as (url, asked):
        paths = pprof.record(f"{url}/debug/pprof/", tmp_path / "orders-0", 7.2)
    assert {path.name for path in paths} == {
        f"{kind}.pb.gz"
        for kind in ("allocs", "block", "goroutine", "heap", "mutex", "profile", "shop.orders")
    }
    assert {path.read_bytes() for path in paths} == {PROFILE}
    assert sorted(tmp_path.rglob("*")) == sorted([tmp_path / "orders-0", *paths])
    over_time = {path.rpartition("/")[2] for path, params, _ in asked if params.get("seconds") == "7"}
    assert over_time == {"allocs", "block", "mutex", "profile"}  # the rest is of a moment
    assert workbench.read(paths[0]).stacks["value"].sum() > 0


def test_the_list_of_goroutines_is_taken_only_if_named_and_read_with_their_states(tmp_path):
    with serve(live) as (url, asked):
        [path] = pprof.record(url, tmp_path, kinds=["goroutine-list"])
    assert [(p, params) for p, params, _ in asked] == [("/debug/pprof/goroutine", {"debug": "2"})]
    stacks = workbench.read(path).stacks
    assert {"running", "chan receive", "sleep"} <= {dict(pairs)["state"] for pairs in stacks["labels"]}


@pytest.mark.parametrize(
    ("kind", "why"),
    [("trace", "go tool trace"), ("cmdline", "hold secrets"), ("symbol", "have their symbols")],
)
def test_what_is_no_profile_is_refused_with_its_reason(kind, why, tmp_path):
    with serve(live) as (url, asked), pytest.raises(CollectError, match=why):
        pprof.record(url, tmp_path, kinds=["heap", kind])
    assert asked == []


@pytest.mark.parametrize(
    ("kinds", "answer", "words"),
    [
        ((), plain(200, b"<html>hello", kind="text/html"), "a page without links to profiles"),
        ((), plain(200, b"{}"), "content of type application/json.*text/html"),
        (["heap"], plain(200, b"<html>", kind="text/html"), "content of type text/html"),
        (["heap", "ghost"], None, "HTTP 404: Unknown profile"),
        (
            ["profile"],
            plain(400, b"profile duration exceeds server's WriteTimeout\n", "text/plain"),
            "HTTP 400: profile duration exceeds",
        ),
        (
            ["profile"],
            plain(500, b"Could not enable CPU profiling: cpu profiling already in use\n", "text/plain"),
            "cpu profiling already in use",
        ),
    ],
)
def test_an_answer_that_is_no_profile_is_named_and_leaves_nothing(kinds, answer, words, tmp_path):
    with serve(in_turn(answer) if answer else live) as (url, _), pytest.raises(CollectError, match=words):
        pprof.record(url, tmp_path / "x", 1, kinds=kinds)
    assert list(Path(tmp_path).iterdir()) == []
