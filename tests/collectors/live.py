"""Real servers of the Prometheus API on this machine, and series written to them by remote write."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

PATIENCE_S = 30
NO_SCRAPES = "scrape_configs: []\n"


@dataclass(frozen=True)
class Native:
    """A native histogram: `positive` and `negative` count by bucket index; custom bounds have schema -53."""

    schema: int
    positive: Mapping[int, float]
    negative: Mapping[int, float] | None = None
    zero: float = 0.0
    zero_threshold: float = 0.001
    sum: float = 1.0
    count: float | None = None
    custom: Sequence[float] = ()


def random_classic(rng: random.Random) -> dict[str, float]:
    """Give counts by bound, some buckets of them empty, some bounds negative."""
    bounds = sorted({round(rng.uniform(-1 if rng.random() < 0.2 else 0.001, 10), 3) for _ in range(8)})
    counts = np.cumsum([rng.choice([0, 0, rng.randint(1, 99)]) for _ in range(len(bounds) + 1)])
    return {f"{le:g}": float(n) for le, n in zip([*bounds, np.inf], counts, strict=True)}


def random_native(rng: random.Random) -> Native:
    """Give a histogram of any schema, on one side or both, whose zero bucket may cut into the next."""
    schema, threshold = rng.randint(-4, 8), rng.choice([2.0**-128, 0.001, 0.25])
    first = (
        int(np.floor(np.log2(threshold) * 2.0**schema)) + 1
    )  # the bucket that the zero bucket may cut into

    def side() -> dict[int, float]:
        far = int(3 + 6 * 2.0**schema)
        return {first + rng.randint(0, far): float(rng.randint(1, 9)) for _ in range(rng.randint(0, 9))}

    return Native(schema, side(), side() if rng.random() < 0.4 else {}, float(rng.randint(1, 5)), threshold)


@contextlib.contextmanager
def prometheus(program: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes nothing and takes what is written to it; yields its address."""
    (folder / "prometheus.yml").write_text(NO_SCRAPES)
    address = _free()
    command = [
        program,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
        "--web.enable-remote-write-receiver",
        "--enable-feature=native-histograms",
    ]
    with _running(command, f"http://{address}/-/ready", folder):
        yield f"http://{address}"


@contextlib.contextmanager
def victoria_metrics(program: str, folder: Path) -> Iterator[str]:
    """A VictoriaMetrics that scrapes nothing; yields its address."""
    address = _free()
    command = [
        program,
        f"-storageDataPath={folder}/data",
        f"-httpListenAddr={address}",
        "-retentionPeriod=100y",
    ]
    with _running([*command, "-search.latencyOffset=0s"], f"http://{address}/health", folder):
        yield f"http://{address}"


def write(url: str, series: Iterable[tuple[Mapping[str, str], Sequence[tuple[int, float | Native]]]]) -> None:
    """Write labelled series of (seconds, value or native histogram)."""
    body = b"".join(_field(1, _series(labels, points)) for labels, points in series)
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    request = urllib.request.Request(f"{url}/api/v1/write", _snappy(body), headers, method="POST")
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status in (200, 204)


def flush(url: str) -> None:
    """Let a VictoriaMetrics answer with what was written to it, which else takes it some seconds."""
    with urllib.request.urlopen(f"{url}/internal/force_flush", timeout=PATIENCE_S):
        pass


@contextlib.contextmanager
def _running(command: list[str], health: str, folder: Path) -> Iterator[None]:
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        end = time.monotonic() + PATIENCE_S
        while not _answers(health):
            if time.monotonic() > end or running.poll() is not None:
                pytest.fail(f"{command[0]} did not start: {(folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _free() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _series(labels: Mapping[str, str], points: Sequence[tuple[int, float | Native]]) -> bytes:
    pairs = sorted(labels.items())
    content = b"".join(_field(1, _field(1, k.encode()) + _field(2, v.encode())) for k, v in pairs)
    for seconds, value in points:
        when = seconds * 1000
        if isinstance(value, Native):
            content += _field(4, _native(value, when))
        else:
            content += _field(2, _double(1, value) + _varint(2 << 3) + _varint(when))
    return content


def _native(one: Native, when: int) -> bytes:
    negative = one.negative or {}
    held = one.zero + sum(one.positive.values()) + sum(negative.values())
    content = _double(2, held if one.count is None else one.count) + _double(3, one.sum)
    content += _varint(4 << 3) + _varint(_zigzag(one.schema))
    content += _double(5, one.zero_threshold) + _double(7, one.zero)
    for spans, counts, buckets in ((8, 10, negative), (11, 13, one.positive)):
        after = 0
        for index in sorted(buckets):
            content += _field(
                spans, _varint(1 << 3) + _varint(_zigzag(index - after)) + _varint(2 << 3) + b"\1"
            )
            after = index + 1
        content += _field(counts, struct.pack(f"<{len(buckets)}d", *(buckets[i] for i in sorted(buckets))))
    content += _varint(15 << 3) + _varint(when)
    return content + (_field(16, struct.pack(f"<{len(one.custom)}d", *one.custom)) if one.custom else b"")


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _double(number: int, value: float) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<d", value)


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _snappy(content: bytes) -> bytes:
    """Pack without packing: Snappy's block format with literals alone."""
    literals = b""
    for at in range(0, len(content), 65536):
        part = content[at : at + 65536]
        literals += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return _varint(len(content)) + literals
