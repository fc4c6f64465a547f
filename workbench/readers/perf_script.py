"""What `perf script` prints: a line for each sample, below it the stack, innermost first.

server 21578 [001]  2670.002631:    5025125 cpu-clock:ppp:
        ffffffff820567d8 inet_recvmsg+0x18 ([kernel.kallsyms])
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _lines, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "perf script"

_TIME = re.compile(r"\s(\d+\.\d{3,9}):\s+(?:(\d+)\s+)?([^\s:][^\s]*):(?=\s|$)")
_WHO = re.compile(r"(-?\d+)(?:/(-?\d+))?")
_CPU = re.compile(r"\[\d+\]")
_FLAGS = re.compile(r"[\w.]{4,}")  # interrupts off, need to reschedule …: `d..1.`
_FRAME = re.compile(r"\s+([0-9a-f]{1,16})\s+(\S.*)")
_SOURCE = re.compile(r"\s+(\S+):(\d{1,9})")
_OFFSET = re.compile(r"\+0x[0-9a-f]+$")
_CLOCKS = ("cpu-clock", "task-clock")  # whose periods are nanoseconds


def sniff(head: bytes) -> bool:
    """True if a line names a command, its thread, a time and an event, and all lines before it are comments.

    Where it is not the last line, a frame or another sample follows.
    """
    lines = _text(_lines.narrow(head)).split("\n")
    at = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), None)
    if at is None or _header(lines[at]) is None:
        return False
    follow = next((line for line in lines[at + 1 :] if line.strip()), None)
    return follow is None or _frame(follow) is not None or _header(follow) is not None or len(lines) == at + 2


def read(*streams: Stream) -> Parts:
    """Read samples: a row of type `samples` for each, and where the log has periods, one of the event's type.

    Periods of clocks are nanoseconds, of other events how often it happened. `thread` is the command; labels
    are pid, tid, cpu, and `time_s` on the clock of the machine, which has no date.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = [_read_one(stream, known, parts) for stream in streams]
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


@dataclass
class _Samples:
    """The samples of one file; `codes` number its own `frames`."""

    frames: dict[_stacks.Frame, int] = field(default_factory=dict)
    headers: list[_Header] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def open(self, header: _Header) -> None:
        self.headers.append(header)
        self.starts.append(len(self.codes))

    def push(self, frame: _stacks.Frame) -> None:
        self.codes.append(self.frames.setdefault(frame, len(self.frames)))


class _Header(NamedTuple):
    command: str
    labels: dict[str, str]
    period: int | None
    event: str
    rest: str


def _read_one(stream: Stream, known: dict[_stacks.Frame, int], parts: Parts) -> pd.DataFrame:
    if not sniff(stream.head()):
        raise Unrecognized("not the output of perf script", where=stream.name, expected=FORMAT)
    found = _Samples()
    seen: dict[str, _stacks.Frame] = {}  # frame lines, which repeat
    last: _stacks.Frame | None = None
    for raw in _lines.lines(stream):
        line = _text(raw)
        if not line.strip():
            last = None
        elif line[0] in " \t" and found.headers and (frame := seen.get(line) or _frame(line)):
            seen[line] = last = frame
            found.push(frame)
        elif line[0] in " \t" and last and (source := _SOURCE.fullmatch(line)):
            found.codes.pop()
            found.push((last[0], source[1], int(source[2]), last[3]))  # of `-F +srcline`
            last = None
        elif header := _header(line):
            found.open(header)
            if inline := _frame(f" {header.rest}"):
                found.push(inline)
            elif header.rest:
                header.labels["fields"] = header.rest
        else:
            parts.skipped["comment" if line.startswith("#") else "line that is neither sample nor frame"] += 1
    return _table(found, known, stream.name)


def _header(line: str) -> _Header | None:
    """Take a sample's first line apart, from the time outwards, for commands may hold spaces and numbers."""
    match = _TIME.search(line)
    if not match or line[0] == "#":
        return None
    left = line[: match.start()].rstrip()
    before, _, last = left.rpartition(" ")
    if _FLAGS.fullmatch(last) and before.endswith("]"):
        left = before.rstrip()
        before, _, last = left.rpartition(" ")
    cpu = last[1:-1] if _CPU.fullmatch(last) else ""
    left = before.rstrip() if cpu else left
    who = _WHO.fullmatch(left.rpartition(" ")[2])
    command = left.rpartition(" ")[0].strip()
    if not who or not command:
        return None
    pid, tid = (who[1], who[2]) if who[2] else ("", who[1])
    labels = {k: v for k, v in (("pid", pid), ("tid", tid), ("cpu", cpu), ("time_s", match[1])) if v}
    period = int(match[2]) if match[2] else None
    return _Header(command, labels, period, match[3], line[match.end() :].strip())


def _frame(line: str) -> _stacks.Frame | None:
    """Give function and binary; `(inlined)` stands where the compiler put it inside the next one."""
    match = _FRAME.fullmatch(line.rstrip())
    if not match:
        return None
    symbol, binary = match[2], None
    if symbol.endswith(")"):
        at = symbol.rfind(" (", 0, -len(" (deleted))") if symbol.endswith(" (deleted))") else None)
        if at < 0 and symbol[0] == "(":
            at = 0
        if at >= 0:
            symbol, binary = symbol[:at].strip(), symbol[at:].strip()[1:-1]
    if binary == "inlined":
        return symbol, None, None, True
    return _OFFSET.sub("", symbol) or "[unknown]", binary, None, False


def _table(found: _Samples, known: dict[_stacks.Frame, int], where: str) -> pd.DataFrame:
    """Make rows of type `samples`, then rows of the events' own types where the log has their periods."""
    used, at = np.unique(np.array(found.codes, np.int64), return_inverse=True)
    listed = list(found.frames)
    numbered = np.array(_stacks.intern(known, (listed[code] for code in used.tolist())), np.int32)
    stacks = _stacks.stack_lists(numbered[at], np.diff([*found.starts, len(found.codes)]))
    maps = [header.labels for header in found.headers]
    labels = _stacks.label_maps(
        [k for labels in maps for k in labels],
        [v for labels in maps for v in labels.values()],
        [len(labels) for labels in maps],
    )
    whole = pd.DataFrame(
        {
            "thread": pd.Series([header.command for header in found.headers], dtype=tables.TEXT),
            "frames": _stacks.column([stacks]),
            "type": "samples",
            "value": 1.0,
            "unit": "count",
            "labels": _stacks.column([labels]),
        }
    )
    weighed = np.array([header.period is not None for header in found.headers], bool)
    events = [header.event for header in found.headers if header.period is not None]
    periods = whole[weighed].assign(
        type=events,
        value=[float(header.period) for header in found.headers if header.period is not None],
        unit=["nanoseconds" if event.startswith(_CLOCKS) else "count" for event in events],
    )
    joined = pd.concat([whole, periods], ignore_index=True)
    return tables.STACKS.build({name: joined[name] for name in joined}, where=where)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace").rstrip("\r")
