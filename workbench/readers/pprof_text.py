"""The text kinds of pprof: what Go still writes for debug=1 and 2, and what C++ and Java wrote before.

goroutine profile: total 36
3 @ 0x43b336 0x433e57 0x46b461
#	0x465c68	internal/poll.runtime_pollWait+0x88		/usr/lib/go/src/runtime/netpoll.go:305
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import exp

import numpy as np
import orjson
import pandas as pd

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _addresses, _lines, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "pprof text (goroutine, heap, block, mutex, threadcreate and their like)"

_COUNTED = re.compile(r"(\S+) profile: total \d+\s*")
_HEAP = re.compile(
    r"heap profile: *(\d+): *(\d+) *\[ *(\d+): *(\d+) *\] *@ *"
    r"(heap[_a-z0-9]*|growthz?|fragmentationz?)(?:/(\d+))?\s*"
)
_DELAYS = re.compile(r"--- ?(contentionz?|mutex|block)(?: \d+)? ?(?:---|:)\s*")
_JAVA_HEAP = re.compile(r"--- heapz? \d+ ---\s*")
_THREADS = re.compile(r"--- threadz? \d+ ---\s*")
_GOROUTINE = re.compile(r"goroutine (\d+)(?: gp=\S+ m=\S+(?: mp=\S+)?)? \[([^\]\n]{1,300})\]:\s*")

_PAIR = re.compile(r"\s*(-?\d+) *: *(-?\d+) *\[ *(-?\d+) *: *(-?\d+) *\] *@([ x0-9a-f]*)\s*")
_TWO = re.compile(r"\s*(-?\d+) +(-?\d+) +@([ x0-9a-f]*)\s*")
_ONE = re.compile(r"\s*(-?\d+) +@([ x0-9a-f]*)\s*")
_SYMBOL = re.compile(r"#\t(0x[0-9a-f]+)\t(\S+?)(?:\+0x[0-9a-f]+)?\t+(.*?)(?::(\d+))?\s*")
_SETTING = re.compile(r"([a-z][a-z /]*?) ?= ?(.*?)\s*")
_STARTS = (_COUNTED, _HEAP, _DELAYS, _JAVA_HEAP, _THREADS, _GOROUTINE)
_JAVA_RATE = 524_288  # bytes between samples


def sniff(head: bytes) -> bool:
    """True if the first line that is not empty is the heading of one of the kinds."""
    return _kind(head) is not None


def read(*streams: Stream) -> Parts:
    """Read profiles; a row is a stack of one sample type, the types named and weighed as pprof does it.

    Heap samples are scaled up by their chance of having been sampled. Of stacks without symbols, frames are
    named by their address, and `file` is the binary mapped there. A list of goroutines (debug=2) gives each a
    row with its state.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


@dataclass
class _Stack:
    """One sample: its weights by type, its frames innermost first, as addresses and as symbols."""

    weights: tuple[float, ...]
    addresses: list[str] = field(default_factory=list)
    symbols: list[_stacks.Frame] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    thread: str | None = None


@dataclass
class _Profile:
    """Sample types with their units, what was sampled, and the names of addresses."""

    types: list[tuple[str, str]]
    stacks: list[_Stack] = field(default_factory=list)
    names: _addresses.Names = field(default_factory=_addresses.Names)


def _kind(head: bytes) -> tuple[re.Pattern[str], re.Match[str]] | None:
    first = next((line for line in _text(_lines.narrow(head)).split("\n") if line.strip()), "")
    return next(((kind, match) for kind in _STARTS if (match := kind.fullmatch(first))), None)


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> pd.DataFrame:
    kind = _kind(stream.head())
    if kind is None:
        raise Unrecognized("not a profile in text", where=stream.name, expected=FORMAT)
    pattern, match = kind
    lines = ((n, _text(line)) for n, line in enumerate(_lines.lines(stream), 1))
    if pattern is _GOROUTINE:
        profile = _goroutines(lines, parts)
    elif pattern is _THREADS:
        profile = _threads(lines, parts)
    else:
        profile = _sampled(pattern, match, lines, parts, stream.name)
    return _table(profile, known, stream.name)


def _sampled(
    pattern: re.Pattern[str],
    heading: re.Match[str],
    lines: Iterator[tuple[int, str]],
    parts: Parts,
    name: str,
) -> _Profile:
    """Read lines of weights and addresses, each followed by its symbols where Go writes them."""
    profile = _Profile(_types(pattern, heading))
    settings: dict[str, str] = {}
    sample = {_COUNTED: _ONE, _HEAP: _PAIR}.get(pattern, _TWO)
    begun = False
    for number, line in lines:
        if not line.strip():
            continue
        if not begun:
            begun = True  # by the heading
        elif match := sample.fullmatch(line):
            weights = _weights(pattern, heading, match, settings, f"{name}:{number}")
            profile.stacks.append(_Stack(weights, match[match.re.groups].split()))
        elif profile.stacks and (match := _SYMBOL.fullmatch(line)):
            line_number = int(match[4]) if match[4] and len(match[4]) < 10 else None
            profile.stacks[-1].symbols.append((match[2], match[3] or None, line_number, None))
        elif line.startswith("# labels:") and profile.stacks:
            profile.stacks[-1].labels.update(_labels(line))
        elif line.startswith("#"):
            parts.skipped["comment (of runtime.MemStats)"] += 1
        else:
            _other(line, profile, settings, parts)
    if pattern in (_DELAYS, _JAVA_HEAP) and settings.get("resolution", "").startswith("microsecond"):
        profile.types[-1] = (profile.types[-1][0], "microseconds")
    parts.notes += [f"{key}: {value}" for key, value in settings.items()]
    return profile


def _types(pattern: re.Pattern[str], heading: re.Match[str]) -> list[tuple[str, str]]:
    if pattern is _COUNTED:
        return [(heading[1], "count")]
    if pattern is _DELAYS:
        return [("contentions", "count"), ("delay", "nanoseconds")]
    if pattern is _JAVA_HEAP:
        return [("inuse_objects", "count"), ("inuse_space", "bytes")]
    if heading[1] != heading[3] or heading[2] != heading[4]:
        kinds = ("alloc_objects", "alloc_space", "inuse_objects", "inuse_space")
        return [(kind, "bytes" if kind.endswith("space") else "count") for kind in kinds]
    return [("objects", "count"), ("space", "bytes")]


def _weights(
    pattern: re.Pattern[str],
    heading: re.Match[str],
    match: re.Match[str],
    settings: dict[str, str],
    place: str,
) -> tuple[float, ...]:
    """Weigh a sample as pprof does (profile/legacy_profile.go)."""
    if pattern is _COUNTED:
        return (float(match[1]),)
    if pattern is _HEAP:
        told = int(heading[6] or 0) or 1
        rate = {"heapz_v2": told, "heap_v2": told, "heap": told // 2}.get(heading[5], 0)
        live = _scaled(int(match[1]), int(match[2]), rate)
        if len(_types(pattern, heading)) == 2:
            return live
        return *_scaled(int(match[3]), int(match[4]), rate), *live
    first, count = int(match[1]), int(match[2])
    if pattern is _JAVA_HEAP:
        if not count:
            raise Malformed(place, "a sample of 0 objects", expected="a second value that is not 0")
        return _scaled(count, first, _JAVA_RATE)
    period = _setting(settings, "sampling period", 1.0)
    hertz = _setting(settings, "cycles/second", 0.0)
    return count * period, float(int(first * period / (hertz / 1e9))) if hertz else first * period


def _scaled(count: int, size: int, rate: int) -> tuple[float, float]:
    """Divide by the chance that objects of this size, on average, are sampled once in `rate` bytes."""
    if not count or not size or rate <= 1:
        return (float(count), float(size)) if rate <= 1 else (0.0, 0.0)
    share = 1 - exp(-(size / count) / rate)
    return (float(int(count / share)), float(int(size / share))) if share else (0.0, 0.0)


def _setting(settings: dict[str, str], key: str, default: float) -> float:
    try:
        return float(settings.get(key, default))
    except ValueError:
        return default


def _other(line: str, profile: _Profile, settings: dict[str, str], parts: Parts) -> None:
    """Take a line that is no sample: a setting, the name of an address, or a mapped binary."""
    if match := _SETTING.fullmatch(line):
        settings[match[1]] = match[2]
    elif profile.names.take(line):
        return
    elif "MAPPED_LIBRARIES" not in line and "Memory map" not in line:
        parts.skipped["line that is no sample, symbol or mapping"] += 1


def _labels(line: str) -> dict[str, str]:
    try:
        found = orjson.loads(line.partition(":")[2])
    except orjson.JSONDecodeError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _goroutines(lines: Iterable[tuple[int, str]], parts: Parts) -> _Profile:
    """Read the list of goroutines that debug=2, a panic or SIGQUIT writes."""
    profile = _Profile([("goroutine", "count")])
    called, created = "", False
    for _, line in lines:
        if match := _GOROUTINE.fullmatch(line):
            state, *more = match[2].split(", ")
            labels = {"state": state, **({"detail": ", ".join(more)} if more else {})}
            profile.stacks.append(_Stack((1.0,), thread=f"goroutine {match[1]}", labels=labels))
            called = ""
        elif not line.strip():
            called = ""
        elif line[0] == "\t" and called and profile.stacks:
            file, _, number = line.strip().partition(" ")[0].rpartition(":")
            frame = (_called(called), file or None, int(number) if number.isdecimal() else None, None)
            if created:
                profile.stacks[-1].labels["created by"] = frame[0]
            else:
                profile.stacks[-1].symbols.append((*frame[:3], called.endswith("(...)")))
            called = ""
        elif (
            profile.stacks
            and line[0] not in "\t ."
            and (line.endswith(")") or line.startswith("created by "))
        ):
            created = line.startswith("created by ")
            called = line.removeprefix("created by ").partition(" in goroutine ")[0] if created else line
        else:
            parts.skipped["line that is no frame"] += 1
    return profile


def _called(text: str) -> str:
    """Take the arguments off a call: `net/http.(*conn).serve(0xc000, {0x77, 0xc0})`."""
    if not text.endswith(")"):
        return text
    depth = 0
    for at in range(len(text) - 1, 0, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if not depth:
            return text[:at]
    return text


def _threads(lines: Iterable[tuple[int, str]], parts: Parts) -> _Profile:
    """Read C++'s list of threads, whose stacks go on with that of their creator."""
    profile = _Profile([("thread", "count")])
    named, inside, mapping = "", False, False
    for _, line in lines:
        text = line.strip()
        if text.startswith("---"):
            mapping = "Memory map" in text
            inside = text.startswith("--- Thread")
            named = text.partition("(name: ")[2].partition(")")[0]
            if inside:
                profile.stacks.append(_Stack((1.0,), thread=named or None))
        elif mapping:
            profile.names.take(line)
        elif inside and "same as previous thread" in text and len(profile.stacks) > 1:
            profile.stacks.pop()
            last = profile.stacks[-1]
            profile.stacks[-1] = _Stack((last.weights[0] + 1,), last.addresses, thread=last.thread)
        elif inside and text:
            address, colon, name = text.removeprefix("PC:").strip().partition(": ")
            if colon and address.startswith("0x"):
                profile.names.name(address, name)
                profile.stacks[-1].addresses.append(address)
            else:
                profile.stacks[-1].addresses += [word for word in text.split() if word.startswith("0x")]
        elif text:
            parts.skipped["line that is no thread"] += 1
    profile.stacks = [stack for stack in profile.stacks if stack.addresses]
    return profile


def _table(profile: _Profile, known: dict[_stacks.Frame, int], where: str) -> pd.DataFrame:
    stacks, types = profile.stacks, profile.types
    if not stacks:
        return tables.STACKS.empty()
    names = profile.names
    codes: list[int] = []
    depths = []
    for stack in stacks:
        frames = stack.symbols or [names.of(address) for address in stack.addresses]
        codes += _stacks.intern(known, frames)
        depths.append(len(frames))
    labels = [stack.labels for stack in stacks]
    maps = _stacks.label_maps(
        [k for found in labels for k in found],
        [v for found in labels for v in found.values()],
        [len(found) for found in labels],
    )
    return tables.STACKS.build(
        {
            "thread": [stack.thread for stack in stacks] * len(types),
            "frames": _stacks.column([_stacks.stack_lists(np.array(codes, np.int32), depths)] * len(types)),
            "type": np.repeat([kind for kind, _ in types], len(stacks)),
            "value": np.array([stack.weights for stack in stacks], np.float64).T.ravel(),
            "unit": np.repeat([unit for _, unit in types], len(stacks)),
            "labels": _stacks.column([maps] * len(types)),
        },
        where=where,
    )


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace").rstrip("\r")
