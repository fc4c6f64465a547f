"""A scraper for where there is no Prometheus: reads /metrics every second into a file."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import orjson


def poll(
    targets: Mapping[str, Mapping[str, str]],
    path: Path,
    stop: threading.Event,
    *,
    interval_s: float = 1.0,
) -> None:
    """Append what each target (URL → labels) says every `interval_s`, until `stop`.

    A target that does not answer gives a line without text, which counts as `up` 0.
    """
    with path.open("ab", buffering=0) as file:
        due = time.monotonic()
        while not stop.is_set():
            for url, labels in targets.items():
                line = {"time": time.time(), "labels": dict(labels), "text": _fetch(url, interval_s)}
                file.write(orjson.dumps(line) + b"\n")
            due = max(due + interval_s, time.monotonic())
            stop.wait(due - time.monotonic())


def _fetch(url: str, timeout_s: float) -> str | None:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout_s)
    try:
        connection.request("GET", place.path)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        return text if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
