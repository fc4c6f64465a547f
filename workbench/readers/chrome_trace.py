"""Chrome trace events: Chrome itself, node --trace-events, py-spy, Perfetto and build tools write them.

{"traceEvents":[{"name":"parse","cat":"v8","ph":"X","ts":2587120767,"dur":13557,"pid":7,"tid":7,"args":{}}]}
"""

from __future__ import annotations

import json
import re
import zlib
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _stacks
from workbench.readers._seam import Parts, Stream
from workbench.readers._spans import SpanColumns

FORMAT = "Chrome trace events"

_SHAPE = "trace events with ph, ts and pid"
_EVENTS = re.compile(rb'"traceEvents"\s*:\s*\[|^\s*\[')
_GAP = re.compile(r"[\s,]*")
_DATED_NS = 10**18  # clocks that began after 2001 count from 1970, others from the start of something
_PHASES = {  # by phase: how it is used, "" for what is counted as skipped
    **dict.fromkeys("BEX", "slice"),
    **dict.fromkeys("iI", "instant"),
    **dict.fromkeys("stf", "flow"),
    **dict.fromkeys("bneSTpF", "operation"),
    "M": "name",
}
_OPEN = -(2**63)
_DEEPEST = 512  # innermost frames of a stack that are kept: without a bound n events make n² frames
_NEVER_BEFORE_NS = _OPEN + 1

Event = dict[str, Any]


@dataclass(eq=False)
class _Slice:
    """A span in the making, on a thread or of an asynchronous operation."""

    event: Event
    start: int
    end: int = _OPEN
    parent: _Slice | None = None
    id: str = ""
    told: list[tuple[int, Event]] = field(default_factory=list)


class _Trace:
    """What one file tells: slices, flows between them, and names."""

    def __init__(self, skipped: Counter[str]) -> None:
        self.skipped = skipped
        self.slices: list[_Slice] = []
        self.flows: list[tuple[int, int, str, tuple, _Slice]] = []  # time, order, phase, key, slice
        self.names: dict[tuple, str] = {}
        self.threads: dict[tuple, list[_Slice]] = defaultdict(list)
        self.marks: dict[tuple, list[tuple[int, Event]]] = defaultdict(list)  # instants and flows of a thread
        self.turns: dict[tuple, list[tuple[int, Event]]] = defaultdict(list)  # begins and ends of a thread
        self.operations: list[tuple[int, Event]] = []


def sniff(head: bytes) -> bool:
    """True for events with a phase and a process, in a list or under traceEvents."""
    keys = _json.outline(head)
    return any(
        len(keys.get(f"{top}ph", "")) == 1 and f"{top}pid" in keys for top in ("[].", "traceEvents[].")
    )


def read(*streams: Stream) -> Parts:
    """Read slices and asynchronous operations as spans, instants as events of the span around them, and flows
    as links.

    A trace is a process; `service` is its name, `instance` its pid. Times without a date count from 1970. A
    profile of py-spy is given as stacks too, weighed by the time between two changes of a thread's stack.
    """
    found = SpanColumns(earliest_ns=_NEVER_BEFORE_NS)
    known: dict[_stacks.Frame, int] = {}
    stacks = []
    for stream in streams:
        with _json.collector_resting():
            content = stream.content()
            events = _events(content, stream.name, found.skipped)
            trace = _Trace(found.skipped)
            for index, event in enumerate(events):
                try:
                    _take(event, trace)
                except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
                    raise Malformed(
                        f"{stream.name}, event {index}",
                        f"not laid out as a trace event: {type(error).__name__} {error}",
                        expected=_SHAPE,
                        remedy="record the trace again",
                    ) from error
            _place(trace)
            _hand_over(trace, f"{zlib.crc32(content):08x}", found)
            if any(event.get("cat") == "py-spy" for event in events[:1]):
                stacks.append(_profile(events, known))
    parts = found.parts(", ".join(stream.name for stream in streams))
    if stacks:
        parts.frames |= {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(stacks)}
    return parts


def _events(content: bytes, name: str, skipped: Counter[str]) -> list[Event]:
    """Give all events; a list that was never closed is legal and ends with its last whole event."""
    try:
        document = _json.parse(content, name)
    except Malformed as error:
        begin = _EVENTS.search(content)
        if begin is None or "cut off" not in error.found:
            raise
        return _whole_events(content[begin.end() :].decode("utf-8", "replace"), skipped)
    events = document.get("traceEvents") if isinstance(document, dict) else document
    if not isinstance(events, list):
        raise Unrecognized("JSON without a list of trace events", where=name, expected=_SHAPE)
    return events


def _whole_events(text: str, skipped: Counter[str]) -> list[Event]:
    decode = json.JSONDecoder().raw_decode
    events: list[Event] = []
    at = _GAP.match(text).end()  # type: ignore[union-attr]
    while at < len(text):
        try:
            event, at = decode(text, at)
        except (ValueError, RecursionError):
            skipped["event that is cut off"] += 1
            break
        events.append(event)
        at = _GAP.match(text, at).end()  # type: ignore[union-attr]
    return events


def _take(event: Event, trace: _Trace) -> None:
    phase = event["ph"]
    use = _PHASES.get(phase, "")
    thread = (event.get("pid"), event.get("tid"))
    if use == "name":
        about = event.get("args") or {}
        if event["name"] in ("process_name", "thread_name"):
            key = thread if event["name"] == "thread_name" else thread[:1]
            trace.names[key] = _json.text(about.get("name") or "")
        return
    if not use:
        trace.skipped[f"event of phase {phase}"] += 1
        return
    time = _nanoseconds(event["ts"])
    if use == "operation":
        trace.operations.append((time, event))
    elif use in ("instant", "flow"):
        trace.marks[thread].append((time, event))
    elif phase == "X":
        made = _Slice(event, time, time + max(_nanoseconds(event.get("dur") or 0), 0))
        trace.slices.append(made)
        trace.threads[thread].append(made)
    else:
        trace.turns[thread].append((time, event))


def _pair(thread: tuple, trace: _Trace) -> None:
    """Make a slice of each begin and the end that closes it: of those open, the last."""
    around: list[_Slice] = []
    for time, event in sorted(trace.turns[thread], key=lambda timed: timed[0]):
        if event["ph"] == "E":
            _end(around, time, event, trace)
        else:
            around.append(_Slice(event, time, parent=around[-1] if around else None))
            trace.slices.append(around[-1])
            trace.threads[thread].append(around[-1])


def _end(around: list[_Slice], time: int, event: Event, trace: _Trace) -> None:
    if not around:
        trace.skipped["end without a begin"] += 1
        return
    ended = around.pop()
    ended.end = max(time, ended.start)
    if isinstance(event.get("args"), dict) and event["args"]:
        ended.event = {**ended.event, "args": {**_arguments(ended.event), **event["args"]}}


def _place(trace: _Trace) -> None:
    """Find what lies around every slice, instant and flow, and pair the ends of operations."""
    for thread in list(trace.turns):
        _pair(thread, trace)
    for thread in {**trace.threads, **trace.marks}:
        _nest(thread, trace)
    trace.operations.sort(key=lambda timed: timed[0])
    running: dict[tuple, list[_Slice]] = defaultdict(list)
    for time, event in trace.operations:
        _operate(running[_operation(event)], time, event, trace)
    trace.slices.sort(key=lambda made: made.start)


def _nest(thread: tuple, trace: _Trace) -> None:
    slices = [made for made in trace.threads[thread] if made.end != _OPEN]
    contained = any(made.event["ph"] == "X" for made in slices)
    items: list[tuple[int, int, int, Any]] = [
        (made.start, -made.end, order, made) for order, made in enumerate(slices)
    ]
    items += [(time, -time, len(items) + n, event) for n, (time, event) in enumerate(trace.marks[thread])]
    around: list[_Slice] = []
    waiting: list[tuple[int, int, str, tuple]] = []  # flows that end in the next slice
    for start, minus_end, order, item in sorted(items, key=lambda row: row[:3]):
        while around and around[-1].end < -minus_end:
            around.pop()
        if isinstance(item, _Slice):
            if contained:
                item.parent = around[-1] if around else None
            around.append(item)
            trace.flows += [(*flow, item) for flow in waiting]
            waiting.clear()
            if (bound := item.event.get("bind_id")) is not None:
                phase = {(True, True): "t", (True, False): "f"}.get(
                    (bool(item.event.get("flow_in")), bool(item.event.get("flow_out"))), "s"
                )
                trace.flows.append((start, order, phase, ("", "", str(bound)), item))
        elif _PHASES[item["ph"]] == "instant":
            if around:
                around[-1].told.append((start, item))
            else:
                trace.skipped["instant outside of every slice"] += 1
        else:
            key = (item.get("cat"), item.get("name"), str(item.get("id")))
            if item["ph"] == "f" and item.get("bp") != "e":
                waiting.append((start, order, "f", key))
            elif around:
                trace.flows.append((start, order, item["ph"], key, around[-1]))
            else:
                trace.skipped["flow outside of every slice"] += 1
    trace.skipped.update({"flow outside of every slice": len(waiting)} if waiting else {})


def _operation(event: Event) -> tuple:
    """Give what tells one asynchronous operation from another."""
    scoped = event.get("id2") or {}
    own = event.get("pid") if "local" in scoped else None
    name = event.get("name") if event["ph"] in "STpF" else None
    number = scoped.get("local", scoped.get("global", event.get("id")))
    return event.get("cat"), event.get("scope"), own, str(number), name


def _operate(running: list[_Slice], time: int, event: Event, trace: _Trace) -> None:
    phase = event["ph"]
    if phase in "bS":
        made = _Slice(event, time, parent=running[-1] if running else None)
        running.append(made)
        trace.slices.append(made)
    elif not running:
        trace.skipped["instant outside of every slice" if phase in "nTp" else "end without a begin"] += 1
    elif phase in "nTp":
        running[-1].told.append((time, event))
    else:
        named = [n for n, made in enumerate(running) if made.event.get("name") == event.get("name")]
        _end([running.pop(named[-1] if named else -1)], time, event, trace)


def _hand_over(trace: _Trace, mark: str, found: SpanColumns) -> None:
    ended = [made for made in trace.slices if made.end != _OPEN]
    if lost := len(trace.slices) - len(ended):
        found.skipped["span that had not ended"] += lost
    for number, made in enumerate(ended, 1):
        made.id = str(number)
    for made in ended:
        event, parent = made.event, made.parent
        pid, tid = event.get("pid"), event.get("tid")
        extra = {"cat": event.get("cat"), "thread.id": tid, "thread.name": trace.names.get((pid, tid))}
        attributes = {key: _json.text(value) for key, value in _arguments(event).items()}
        attributes |= {key: _json.text(value) for key, value in extra.items() if value not in (None, "")}
        taken = found.add(
            f"{mark}-{pid}",
            made.id,
            parent.id or None if parent and parent.event.get("pid") == pid else None,
            service=trace.names.get((pid,), ""),
            instance=str(pid),
            name=_json.text(event.get("name") or ""),
            kind="internal",
            start_ns=made.start,
            duration_ns=made.end - made.start,
            status="unset",
            attributes=attributes,
        )
        for time, told in made.told if taken else ():
            pairs = {key: _json.text(value) for key, value in _arguments(told).items()}
            found.add_event(f"{mark}-{pid}", made.id, time, _json.text(told.get("name") or ""), pairs)
    _link(trace, mark, found)
    if ended and ended[0].start < _DATED_NS:
        found.notes.append("its clock has no date: times count from 1970")


def _link(trace: _Trace, mark: str, found: SpanColumns) -> None:
    """Link each step and end of a flow back to the step before it."""
    before: dict[tuple, _Slice] = {}
    for _, _, phase, key, made in sorted(trace.flows, key=lambda flow: flow[:2]):
        source = before.get(key)
        if not made.id:
            continue
        if phase != "s" and source is not None:
            ends = [(f"{mark}-{one.event.get('pid')}", one.id) for one in (made, source)]
            found.add_link(*ends[0], ends[1], {"flow": key[1]} if isinstance(key[1], str) and key[1] else {})
        elif phase != "s":
            trace.skipped["flow without a begin"] += 1
        if phase == "f":
            before.pop(key, None)
        else:
            before[key] = made


def _profile(events: list[Event], known: dict[_stacks.Frame, int]) -> Any:
    """Give the time that each thread of a py-spy profile spent on each stack."""
    stacks: dict[tuple, tuple[list[int], int]] = {}  # open frames, outermost first, and the last change
    codes = array("i")
    depths, weights, threads = [], [], []
    for event in events:
        if event["ph"] not in ("B", "E"):
            continue
        thread, time = (event.get("pid"), event.get("tid")), _nanoseconds(event["ts"])
        stack, last = stacks.get(thread, ([], time))
        stacks[thread] = stack, time
        if stack and time > last:
            codes.extend(reversed(stack[-_DEEPEST:]))
            depths.append(min(len(stack), _DEEPEST))
            weights.append((time - last) / 1000)
            threads.append(thread)
        if event["ph"] == "B":
            told = _arguments(event)
            line = told.get("line")
            line = line if type(line) is int and 0 < line < 2**31 else None
            file = str(told.get("filename") or "") or None
            stack += _stacks.intern(known, [(_json.text(event.get("name") or ""), file, line, None)])
        elif stack:
            stack.pop()
    rows = len(weights)
    return tables.STACKS.build(
        {
            "instance": [str(pid) for pid, _ in threads],
            "thread": pa.array([str(tid) for _, tid in threads], pa.string()),
            "frames": _stacks.column([_stacks.stack_lists(np.array(codes, np.int32), depths)]),
            "type": ["time"] * rows,
            "value": np.array(weights, "float64"),
            "unit": ["microseconds"] * rows,
        }
    )


def _arguments(event: Event) -> dict[str, Any]:
    told = event.get("args")
    return told if isinstance(told, dict) else {} if told is None else {"args": told}


def _nanoseconds(microseconds: float | str) -> int:
    """Turn microseconds, which some write as text, into nanoseconds, whole ones exactly."""
    if isinstance(microseconds, str):
        microseconds = int(microseconds) if microseconds.isdecimal() else float(microseconds)
    whole = int(microseconds)
    return whole * 1000 + round((microseconds - whole) * 1000)
