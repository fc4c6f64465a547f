"""Cuts raw files to a window and takes out what only names the machine that made them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson

from workbench.errors import CollectError

_MACHINE = ("host.", "process.", "os.", "container.")  # resource attributes; the runtime's are kept
_PROCESS_FRAME = re.compile(rb'process \d+:".*?";')
_FOLDERS = re.compile(rb'(?<![\w.])/(?:[^/\s"();:]+/)+')


def spans(content: bytes, start: float, end: float, where: str) -> bytes:
    """Keep the OTLP/JSON spans, one request a line, that begin in [start, end)."""
    first, last = round(start * 1e9), round(end * 1e9)
    kept = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            batch = orjson.loads(line)
            for of_resource in batch["resourceSpans"]:
                _strip(of_resource.get("resource", {}))
                for of_scope in of_resource["scopeSpans"]:
                    of_scope["spans"] = [
                        span for span in of_scope["spans"] if first <= int(span["startTimeUnixNano"]) < last
                    ]
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise CollectError(
                f"not OTLP/JSON: {error!r}",
                where=f"{where}, line {number}",
                expected="resourceSpans on each line",
            ) from error
        if any(s["spans"] for r in batch["resourceSpans"] for s in r["scopeSpans"]):
            kept.append(orjson.dumps(batch) + b"\n")
    return b"".join(kept)


def gc(content: bytes, start: float, end: float, where: str) -> bytes:
    """Keep the lines of CPython's GC log in [start, end); other logs are kept whole."""
    if not content.startswith(b"# cpython gc.callbacks"):
        return content
    first, last = (
        datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode() for t in (start, end)
    )
    lines = content.splitlines(keepends=True)
    return b"".join(x for x in lines if x.startswith(b"#") or first <= x.partition(b" ")[0] < last)


def profile(content: bytes, start: float, end: float, where: str) -> bytes:
    """Keep a py-spy profile whole, without the process ids, command lines and folders in it."""
    return _FOLDERS.sub(b"", _PROCESS_FRAME.sub(b"", content))


def _strip(resource: dict) -> None:
    resource["attributes"] = [
        one
        for one in resource.get("attributes", [])
        if not one["key"].startswith(_MACHINE) or one["key"].startswith("process.runtime.")
    ]
