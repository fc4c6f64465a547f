"""Captures from two scrapes of a real exporter, and sums over their lines by another parser than ours."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import workbench
from tests.needs import ROOT
from workbench.capture import Capture

SECONDS = 10.0
_TIMED = re.compile(r" \d{13}$")  # a time that the exporter gives
_FIRST_MS = 1_795_179_300_000


def text(name: str) -> str:
    """A scrape of data/samples/prometheus_text."""
    return (ROOT / "data" / "samples" / "prometheus_text" / f"{name}.txt").read_text(encoding="utf-8")


def capture(folder: Path, first: str, second: str, service: str = "shop") -> Capture:
    """Both texts as what one Prometheus scraped, ten seconds apart."""
    path = folder / "scrapes.prom"
    lines = [
        f"{_TIMED.sub('', line)} {_FIRST_MS + at * round(SECONDS * 1000)}"
        for at, scrape in enumerate((first, second))
        for line in scrape.splitlines()
        if line and not line.startswith("#")
    ]
    path.write_text("# TYPE up gauge\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return workbench.read(path, service=service, instance=f"{service}-0")


def total(scrape: str, metric: str, **labels: str | tuple[str, ...]) -> float:
    """The sum of a metric's lines that have those labels (any of several values)."""
    wanted = {key: (value,) if isinstance(value, str) else value for key, value in labels.items()}
    return sum(
        value
        for name, found, value in _samples(scrape)
        # The parser gives counters the ending that Envoy leaves out.
        if name in (metric, f"{metric}_total") and all(found.get(k, "") in v for k, v in wanted.items())
    )


@functools.cache
def _samples(scrape: str) -> list[tuple[str, dict[str, str], float]]:
    families = text_string_to_metric_families(scrape)
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def grown(first: str, second: str, metric: str, **labels: str | tuple[str, ...]) -> float:
    """What those lines grew by from one scrape to the other."""
    return total(second, metric, **labels) - total(first, metric, **labels)
