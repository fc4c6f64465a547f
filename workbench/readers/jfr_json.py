"""JDK Flight Recorder, as `jfr print --json` writes it; a binary recording is refused with that advice.

{"recording": {"events": [{"type": "jdk.ExecutionSample", "values": {"startTime": …, "stackTrace": {…}}}]}}
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from workbench import tables
from workbench.errors import Malformed, Unrecognized
from workbench.readers import _json, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "Flight Recorder events (jfr print --json)"

_BINARY = b"FLR\0"
_PERIOD = re.compile(r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
# By event: sample type, the field that weighs it, unit. Others that have a stack weigh their duration.
_WEIGHTS = {
    "jdk.ExecutionSample": ("samples", "", "count"),
    "jdk.NativeMethodSample": ("native_samples", "", "count"),
    "jdk.CPUTimeSample": ("cpu", "samplingPeriod", "seconds"),
    "jdk.ObjectAllocationSample": ("alloc_space", "weight", "bytes"),
    "jdk.ObjectAllocationInNewTLAB": ("alloc_space", "tlabSize", "bytes"),
    "jdk.ObjectAllocationOutsideTLAB": ("alloc_space", "allocationSize", "bytes"),
    "jdk.OldObjectSample": ("live_objects", "", "count"),
    "jdk.JavaMonitorEnter": ("lock", "duration", "seconds"),
    "jdk.JavaMonitorWait": ("wait", "duration", "seconds"),
    "jdk.ThreadPark": ("park", "duration", "seconds"),
    "jdk.ThreadSleep": ("sleep", "duration", "seconds"),
}
_COLLECTORS = {  # by what jdk.GarbageCollection calls a collection
    "DefNew": "Serial",
    "SerialOld": "Serial",
    "ParallelScavenge": "Parallel",
    "ParallelOld": "Parallel",
    "ParNew": "CMS",
    "ConcurrentMarkSweep": "CMS",
    "Shenandoah": "Shenandoah",
    "Epsilon": "Epsilon",
}


def sniff(head: bytes) -> bool:
    """True for a recording with a list of events, or a binary recording."""
    return head.startswith(_BINARY) or "recording.events[]" in _json.outline(head)


def read(*streams: Stream) -> Parts:
    """Read events with a stack as stacks, and those of the garbage collectors as pauses and collections.

    The type of a stack is what its event measures (samples, alloc_space, lock …), or the event's name, which
    then weighs its duration, or 1. Where no jdk.GCPhasePause was recorded, a collection's pauses are told as
    their sum. Other events are counted as skipped.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {
        name: table.concat([frames[name] for frames in found if name in frames])
        for name, table in (
            ("stacks", tables.STACKS),
            ("pauses", tables.PAUSES),
            ("collections", tables.COLLECTIONS),
        )
        if any(name in frames for frames in found)
    }
    if "stacks" in parts.frames or not parts.frames:
        parts.frames = {
            "frames": _stacks.frames_table(known),
            "stacks": tables.STACKS.empty(),
            **parts.frames,
        }
    return parts


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> dict[str, pd.DataFrame]:
    head = stream.head()
    if head.startswith(_BINARY) or not sniff(head):
        binary = head.startswith(_BINARY)
        raise Unrecognized(
            "a binary recording of Flight Recorder" if binary else "not events of Flight Recorder",
            where=stream.name,
            expected=FORMAT,
            remedy="write it as text: jfr print --json recording.jfr > recording.json" if binary else "",
        )
    document = _json.parse(stream.content(), stream.name)
    recording = document.get("recording") if isinstance(document, dict) else None
    events = recording.get("events") if isinstance(recording, dict) else None
    if not isinstance(events, list):
        raise Malformed(f"{stream.name}.recording.events", f"{events!r:.40}", expected="a list of events")
    with_stack: list[tuple[str, dict[str, Any]]] = []
    of_gc: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, event in enumerate(events):
        kind, values = (event.get("type"), event.get("values")) if isinstance(event, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(values, dict):
            raise Malformed(
                f"{stream.name}.recording.events[{number}]", f"{event!r:.40}", expected="an event"
            )
        if kind in _WEIGHTS or isinstance(values.get("stackTrace"), dict):
            with_stack.append((kind, values))
        elif kind in ("jdk.GarbageCollection", "jdk.GCPhasePause", "jdk.GCHeapSummary", "jdk.GCCPUTime"):
            of_gc[kind].append(values)
        else:
            parts.skipped[f"event {kind}"] += 1
    made = {"stacks": _stacks_table(with_stack, known, stream.name)} if with_stack else {}
    return made | _gc_tables(of_gc, stream.name, parts)


def _stacks_table(
    events: list[tuple[str, dict[str, Any]]], known: dict[_stacks.Frame, int], where: str
) -> pd.DataFrame:
    columns: dict[str, list] = {name: [] for name in ("start", "thread", "type", "value", "unit")}
    codes: list[int] = []
    depths, labels = [], []
    for number, (kind, values) in enumerate(events):
        weighed = _WEIGHTS.get(kind, (kind.removeprefix("jdk."), "duration", "seconds"))
        value, unit = _weight(values, *weighed[1:])
        columns["start"].append(values.get("startTime"))
        columns["thread"].append(_thread(values.get("sampledThread") or values.get("eventThread")))
        columns["type"].append(weighed[0])
        columns["value"].append(value)
        columns["unit"].append(unit)
        frames = _frames(values.get("stackTrace"), f"{where}, event {kind} {number}")
        codes += _stacks.intern(known, frames)
        depths.append(len(frames))
        labels.append({"event": kind, **_label(values)})
    return tables.STACKS.build(
        {
            **columns,
            "start": _times(columns["start"], where),
            "thread": pa.array(columns["thread"], pa.string()),
            "frames": _stacks.column([_stacks.stack_lists(np.array(codes, np.int32), depths)]),
            "labels": _stacks.column(
                [
                    _stacks.label_maps(
                        [k for found in labels for k in found],
                        [v for found in labels for v in found.values()],
                        [len(found) for found in labels],
                    )
                ]
            ),
        },
        where=where,
    )


def _weight(values: dict[str, Any], name: str, unit: str) -> tuple[float, str]:
    weight = values.get(name) if name else 1
    if isinstance(weight, str):
        weight = _seconds(weight)
    if isinstance(weight, int | float) and not np.isnan(weight):
        return float(weight), unit
    return 1.0, "count"


def _label(values: dict[str, Any]) -> dict[str, str]:
    """Give what tells such events apart: the state, the class that was allocated, locked or waited for."""
    found = {}
    for name in ("state", "objectClass", "monitorClass", "parkedClass"):
        value = values.get(name)
        value = value.get("name") if isinstance(value, dict) else value
        if isinstance(value, str) and value:
            found[name] = value.replace("/", ".")
    return found


def _thread(thread: Any) -> str | None:
    if not isinstance(thread, dict):
        return None
    name = thread.get("javaName") or thread.get("osName") or thread.get("osThreadId")
    return str(name) if name else None


def _frames(trace: Any, place: str) -> list[_stacks.Frame]:
    """Give the frames of a trace, innermost first as they are written: class and method."""
    if trace is None:
        return []
    listed = trace.get("frames") if isinstance(trace, dict) else None
    if not isinstance(listed, list):
        raise Malformed(f"{place}, stackTrace", f"{trace!r:.40}", expected="a list of frames")
    return [_frame(frame, place) for frame in listed]


def _frame(frame: Any, place: str) -> _stacks.Frame:
    method = frame.get("method") if isinstance(frame, dict) else None
    if not isinstance(method, dict) or not isinstance(method.get("name"), str):
        raise Malformed(f"{place}, stackTrace", f"{frame!r:.40}", expected="a frame with a method")
    owner = method.get("type")
    owner = owner.get("name") if isinstance(owner, dict) else None
    function = f"{owner.replace('/', '.')}.{method['name']}" if isinstance(owner, str) else method["name"]
    line = frame.get("lineNumber")
    line = line if type(line) is int and 0 < line < 2**31 else None
    return function, None, line, frame.get("type") == "Inlined"


def _gc_tables(events: dict[str, list[dict[str, Any]]], where: str, parts: Parts) -> dict[str, pd.DataFrame]:
    cycles = {_gc_id(values): values for values in events["jdk.GarbageCollection"]}
    heaps = {(_gc_id(values), str(values.get("when"))): values for values in events["jdk.GCHeapSummary"]}
    stops = events["jdk.GCPhasePause"]
    if not stops and cycles:
        parts.notes.append("without jdk.GCPhasePause, a collection's pauses are told as their sum")
        stops = [
            {**values, "name": f"Pause {values.get('name')}", "duration": values.get("sumOfPauses")}
            for values in cycles.values()
        ]
    made = {}
    ids = [_gc_id(values) for values in stops]
    durations = [_seconds(values.get("duration")) for values in stops]
    kept = [i for i, seconds in enumerate(durations) if seconds >= 0]
    if len(kept) < len(stops):
        parts.skipped["pause without duration"] += len(stops) - len(kept)
    counts = pd.Series([ids[i] for i in kept], dtype="Int64").value_counts()
    if kept:
        gc_ids = [ids[i] for i in kept]
        made["pauses"] = tables.PAUSES.build(
            {
                "start": _times([stops[i].get("startTime") for i in kept], where),
                "duration_s": [durations[i] for i in kept],
                "kind": [str(stops[i].get("name") or "GC Pause") for i in kept],
                "cause": _texts([cycles.get(gc_id, {}).get("cause") for gc_id in gc_ids]),
                "collector": [_collector(cycles.get(gc_id, {})) for gc_id in gc_ids],
                "cycle": pd.array(gc_ids, dtype="Int64"),
                **_heap_columns(gc_ids, heaps),
            },
            where=where,
        )
    if cycles:
        gc_ids = list(cycles)
        made["collections"] = tables.COLLECTIONS.build(
            {
                "cycle": pd.array(gc_ids, dtype="Int64"),
                "start": _times([values.get("startTime") for values in cycles.values()], where),
                "duration_s": _positive([_seconds(values.get("duration")) for values in cycles.values()]),
                "kind": [_kind(values) for values in cycles.values()],
                "cause": _texts([values.get("cause") for values in cycles.values()]),
                "collector": [_collector(values) for values in cycles.values()],
                "pauses": pd.array(
                    [counts.get(gc_id, pd.NA) if events["jdk.GCPhasePause"] else pd.NA for gc_id in gc_ids],
                    dtype="Int64",
                ),
                "pause_s": [_seconds(values.get("sumOfPauses")) for values in cycles.values()],
                **_heap_columns(gc_ids, heaps),
                **_cpu_columns(gc_ids, events["jdk.GCCPUTime"]),
            },
            where=where,
        )
    return made


def _heap_columns(gc_ids: list[int | None], heaps: dict[tuple[int | None, str], dict[str, Any]]) -> dict:
    before = [heaps.get((gc_id, "Before GC"), {}) for gc_id in gc_ids]
    after = [heaps.get((gc_id, "After GC"), {}) for gc_id in gc_ids]
    spaces = [values.get("heapSpace") for values in after]
    return {
        "heap_before_bytes": _whole([values.get("heapUsed") for values in before]),
        "heap_after_bytes": _whole([values.get("heapUsed") for values in after]),
        "heap_capacity_bytes": _whole(
            [space.get("committedSize") if isinstance(space, dict) else None for space in spaces]
        ),
    }


def _cpu_columns(gc_ids: list[int | None], events: list[dict[str, Any]]) -> dict[str, list[float]]:
    spent = {_gc_id(values): values for values in events}
    return {
        column: [_seconds(spent.get(gc_id, {}).get(name)) for gc_id in gc_ids]
        for column, name in (("user_s", "userTime"), ("sys_s", "systemTime"))
    }


def _kind(values: dict[str, Any]) -> str:
    name = str(values.get("name") or "")
    return "full" if name in ("SerialOld", "ParallelOld", "G1Full") else name or "unknown"


def _collector(values: dict[str, Any]) -> str:
    name = str(values.get("name") or "")
    return "G1" if name.startswith("G1") else "Z" if name.startswith("Z") else _COLLECTORS.get(name, name)


def _gc_id(values: dict[str, Any]) -> int | None:
    gc_id = values.get("gcId")
    return gc_id if type(gc_id) is int and 0 <= gc_id < 2**62 else None


def _seconds(text: Any) -> float:
    """Read an ISO 8601 duration; NaN where there is none."""
    match = _PERIOD.fullmatch(text) if isinstance(text, str) and len(text) < 100 else None
    if not match or not any(match.groups()[1:]):
        return float("nan")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups()[1:])
    return (-1 if match[1] else 1) * (days * 86400 + hours * 3600 + minutes * 60 + seconds)


def _positive(values: list[float]) -> list[float]:
    return [value if value >= 0 else float("nan") for value in values]


def _whole(values: list[Any]) -> pd.Series:
    whole = [value if type(value) is int and abs(value) < 2**63 else None for value in values]
    return pd.Series(whole, dtype="Int64")


def _texts(values: list[Any]) -> pa.Array:
    return pa.array([value if isinstance(value, str) and value else None for value in values], pa.string())


def _times(texts: list[Any], where: str) -> pd.Series:
    given = pd.Series([text if isinstance(text, str) else None for text in texts], dtype=object)
    try:
        return pd.to_datetime(given, utc=True, format="ISO8601")
    except ValueError as error:
        raise Malformed(f"{where}, startTime", str(error), expected="ISO 8601") from error
