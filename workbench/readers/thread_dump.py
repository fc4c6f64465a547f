"""A HotSpot thread dump, as jcmd Thread.print, jstack or SIGQUIT writes it.

2026-11-20 12:56:06
Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6 mixed mode, sharing):
"orders-1" #22 prio=5 os_prio=0 cpu=6.15ms elapsed=237.27s tid=0x… nid=0x32e9 waiting for monitor entry [0x…]
   java.lang.Thread.State: BLOCKED (on object monitor)
        at shop.Shop.order(Shop.java:20)
        - waiting to lock <0x00000000e0127820> (a java.lang.Object)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from workbench import tables
from workbench.errors import Unrecognized
from workbench.readers import _lines, _stacks
from workbench.readers._seam import Parts, Stream

FORMAT = "HotSpot thread dump"

_HEADING = re.compile(r"Full thread dump .*")
_TAKEN = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_THREAD = re.compile(r'"(.*)"((?: [^"]*)?)')
_TIME = re.compile(r" (cpu|elapsed)=(\d{1,15}(?:\.\d{1,9})?)(ms|s)\b")
_SYSTEM = re.compile(r" nid=\S+ ([^\[]+)")
_STATE = re.compile(r"java\.lang\.Thread\.State: ([A-Z_]+)(?: \((.+)\))?")
_LOCK = re.compile(r"- (\S[^<]{0,40})?<(0x[0-9a-f]{1,16})>(?: \(an? (.+)\))?")
_KNOWN = ("Locked ownable synchronizers:", "- None", "No compile task", "Compiling:")
_CONTEXT_LINES = 4  # that may stand before the heading: the process id, the date, empty ones


def sniff(head: bytes) -> bool:
    """True if one of the first lines is the heading of a dump, after at most an id and a date."""
    for line in _text(_lines.narrow(head[:4096])).split("\n")[:_CONTEXT_LINES]:
        text = line.strip()
        if _HEADING.fullmatch(text):
            return True
        if text and not _TAKEN.fullmatch(text) and not text.removesuffix(":").isdecimal():
            return False
    return False


def read(*streams: Stream) -> Parts:
    """Read dumps; a row is a thread of one dump, of type `threads`; the VM's own have no frames.

    Labels: `state` (RUNNABLE, BLOCKED …; of the VM's own threads, what the system says), its `detail`, the
    lock that it `waits for` and its class (`of class`), the locks that it `holds`, `cpu_s` and `elapsed_s`
    since it began, and `taken`, the time of the dump by that machine's clock, which tells no zone.
    """
    known: dict[_stacks.Frame, int] = {}
    parts = Parts()
    found = []
    for stream in streams:
        told = [thread.told() for thread in _threads(stream, parts)]
        found.append(_stacks.threads_table(told, known, stream.name))
    parts.frames = {"frames": _stacks.frames_table(known), "stacks": tables.STACKS.concat(found)}
    return parts


@dataclass
class _Thread:
    """One thread: its name, its frames innermost first, and what is said of it."""

    name: str
    labels: dict[str, str]
    frames: list[_stacks.Frame] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def told(self) -> tuple[str, list[_stacks.Frame], dict[str, str]]:
        """Give the name, the frames and all labels."""
        return self.name, self.frames, self.labels | ({"holds": " ".join(self.held)} if self.held else {})

    def take(self, text: str) -> bool:
        """Take a line of its block; False if the line is no part of one."""
        if text.startswith("at ") and text.endswith(")"):
            self.frames.append(_frame(text[3:-1]))
        elif match := _STATE.fullmatch(text):
            self.labels |= {"state": match[1]} | ({"detail": match[2]} if match[2] else {})
        elif text.startswith("- waiting on <no object"):
            self.labels["waits for"] = ""  # the next lock, which a frame around it had taken
        elif match := _LOCK.fullmatch(text):
            self._lock(match[1] or "", match[2], match[3])
        else:
            return text.startswith(_KNOWN)
        return True

    def _lock(self, how: str, address: str, owner: str | None) -> None:
        if how.startswith(("waiting", "parking")) or self.labels.get("waits for") == "":
            self.labels |= {"waits for": address} | ({"of class": owner} if owner else {})
        elif address != self.labels.get("waits for"):  # Object.wait has let go of what the frame locked
            self.held.append(address)


def _threads(stream: Stream, parts: Parts) -> Iterator[_Thread]:
    if not sniff(stream.head()):
        raise Unrecognized("not a thread dump", where=stream.name, expected=FORMAT)
    taken, thread = "", None
    for line in map(_text, _lines.lines(stream)):
        text = line.strip()
        if not text:
            continue  # which stands inside a block, too
        if line.startswith('"') and (match := _THREAD.fullmatch(text)):
            if thread:
                yield thread
            thread = _Thread(match[1], _said(match[2], taken))
        elif thread and line[0] in " \t":
            if not thread.take(text):
                parts.skipped["line that is no state, frame or lock"] += 1
        else:
            if thread:
                yield thread
            thread, taken = None, text if _TAKEN.fullmatch(text) else taken
            _remark(text, parts)
    if thread:
        yield thread


def _remark(text: str, parts: Parts) -> None:
    if "Java-level deadlock" in text and text.startswith("Found"):
        parts.notes.append(text.rstrip(":"))
    elif not _TAKEN.fullmatch(text) and not _HEADING.fullmatch(text):
        parts.skipped["line outside of threads"] += 1


def _said(text: str, taken: str) -> dict[str, str]:
    """Give what a thread's first line says after its name."""
    labels = {"taken": taken} if taken else {}
    if match := _SYSTEM.search(text):
        labels["state"] = match[1].strip()
    for which, value, unit in _TIME.findall(text):
        labels[f"{which}_s"] = f"{float(value) / (1000 if unit == 'ms' else 1):g}"
    return labels


def _frame(text: str) -> _stacks.Frame:
    """Read `shop.Shop.order(shop@1.0/Shop.java:20`; a `Native Method` or `Unknown Source` has no file."""
    function, _, place = text.rpartition("(")
    file, colon, number = place.rpartition("/")[2].partition(":")
    line = int(number) if number.isdecimal() and len(number) < 10 else None
    return function, file if colon or "." in file else None, line, None


def _text(content: bytes) -> str:
    return content.decode("utf-8", "backslashreplace").rstrip("\r")
