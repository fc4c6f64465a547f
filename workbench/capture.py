"""Capture: the tables of one system over one window, the settings then in force, and where all came from."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import tables
from workbench.errors import Contradiction, Malformed, TableError
from workbench.settings import Settings

MANIFEST = "manifest.json"
SAVED = "workbench capture, tables as Parquet"


@dataclass(frozen=True)
class Source:
    """One file that was read: its format, rows by table, and what was skipped and why (reason → count)."""

    path: str
    format: str
    rows: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Capture:
    """The evidence: checked tables (see `workbench.tables`), the window, the settings, the sources.

    `start` and `end` bound the window; left out, they are the first and last time found in the tables (NaT
    where no table has a date). `load` describes what was asked of the system, if known (rate, law, seed).
    """

    name: str = ""
    start: pd.Timestamp = pd.NaT  # type: ignore[assignment]
    end: pd.Timestamp = pd.NaT  # type: ignore[assignment]
    settings: Settings = field(default_factory=Settings)
    sources: tuple[Source, ...] = ()
    load: dict[str, Any] = field(default_factory=dict)
    spans: pd.DataFrame = field(default_factory=tables.SPANS.empty)
    events: pd.DataFrame = field(default_factory=tables.EVENTS.empty)
    links: pd.DataFrame = field(default_factory=tables.LINKS.empty)
    series: pd.DataFrame = field(default_factory=tables.SERIES.empty)
    samples: pd.DataFrame = field(default_factory=tables.SAMPLES.empty)
    exemplars: pd.DataFrame = field(default_factory=tables.EXEMPLARS.empty)
    pauses: pd.DataFrame = field(default_factory=tables.PAUSES.empty)
    collections: pd.DataFrame = field(default_factory=tables.COLLECTIONS.empty)
    frames: pd.DataFrame = field(default_factory=tables.FRAMES.empty)
    stacks: pd.DataFrame = field(default_factory=tables.STACKS.empty)
    logs: pd.DataFrame = field(default_factory=tables.LOGS.empty)

    def __post_init__(self) -> None:
        for name, table in tables.TABLES.items():
            table.check(getattr(self, name), where=self.name)
        _check_references(self)
        if pd.isna(self.start) or pd.isna(self.end):
            first, last = _bounds(self)
            object.__setattr__(self, "start", first if pd.isna(self.start) else self.start)
            object.__setattr__(self, "end", last if pd.isna(self.end) else self.end)
        if self.start > self.end:
            raise Contradiction(
                f"the window ends at {self.end}, before its start {self.start}", where=self.name or "capture"
            )

    @property
    def duration_s(self) -> float:
        """Length of the window in seconds; NaN where nothing is dated."""
        return (self.end - self.start).total_seconds()

    @property
    def services(self) -> list[str]:
        """Names of the services that any table mentions, sorted."""
        found: set[str] = set()
        for name in ("spans", "series", "pauses", "stacks", "logs"):
            found.update(getattr(self, name)["service"].unique())
        return sorted(found - {""})

    def metric(self, name: str, **labels: str) -> pd.DataFrame:
        """Give a metric as a wide frame: time down, one column per series named by the labels that differ.

        `labels` selects series by exact label value (`service` and `instance` count as labels).
        """
        chosen = self.series[self.series["metric"] == name]
        rows = [
            {"service": s, "instance": i, **dict(pairs)}
            for s, i, pairs in zip(chosen["service"], chosen["instance"], chosen["labels"], strict=True)
        ]
        keep = pd.array([all(row.get(k) == v for k, v in labels.items()) for row in rows], dtype=bool)
        chosen, rows = chosen[keep], [row for row, kept in zip(rows, keep, strict=True) if kept]
        keys = sorted({k for row in rows for k in row})
        differing = [k for k in keys if len({row.get(k) for row in rows}) > 1] or keys[:1]
        values = self.samples[self.samples["series"].isin(chosen["series"])]
        wide = values.pivot_table(index="time", columns="series", values="value", dropna=False, sort=True)
        wide = wide.reindex(columns=chosen["series"])
        tuples = [tuple(row.get(k, "") for k in differing) for row in rows]
        wide.columns = pd.MultiIndex.from_tuples(tuples, names=differing) if tuples else wide.columns
        return wide

    def between(self, start: pd.Timestamp, end: pd.Timestamp) -> Capture:
        """Give the part from `start` up to, not including, `end`, by start or sample time.

        Undated rows stay.
        """
        changed: dict[str, Any] = {"start": start, "end": end}
        for name, column in _DATED.items():
            frame = getattr(self, name)
            times = frame[column]
            inside = times.isna() | ((times >= start) & (times < end))
            changed[name] = frame[inside].reset_index(drop=True)
        for name in ("events", "links"):
            frame = getattr(self, name)
            changed[name] = frame[frame["span_id"].isin(changed["spans"]["span_id"])].reset_index(drop=True)
        return replace(self, **changed)

    def save(self, folder: str | Path) -> Path:
        """Write the tables as Parquet with a manifest; `read(folder)` gives an equal capture.

        Written beside and renamed, so that a half-written capture is never seen. Refuses a folder that
        exists and is not a saved capture.
        """
        target = Path(folder)
        if target.exists() and (not target.is_dir() or (any(target.iterdir()) and not is_saved(target))):
            raise TableError(
                "it exists and is not a saved capture", where=str(target), remedy="choose another folder"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            for name in tables.TABLES:
                frame = getattr(self, name)
                if len(frame):
                    pq.write_table(
                        pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None),
                        beside / f"{name}.parquet",
                        compression="zstd",
                    )
            manifest = {
                "format": SAVED,
                "name": self.name,
                "start": None if pd.isna(self.start) else self.start.isoformat(),
                "end": None if pd.isna(self.end) else self.end.isoformat(),
                "settings": dict(self.settings),
                "load": self.load,
                "sources": [asdict(source) for source in self.sources],
            }
            (beside / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
            beside.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            os.replace(beside, target)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
        return target

    def __repr__(self) -> str:
        filled = [
            f"{name} {len(getattr(self, name)):,}" for name in tables.TABLES if len(getattr(self, name))
        ]
        window = "" if pd.isna(self.start) else f", {self.start:%Y-%m-%d %H:%M:%S} + {self.duration_s:.0f} s"
        return f"Capture({self.name!r}{window}: {', '.join(filled) or 'empty'})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{name}</td><td style='text-align:right'>{len(getattr(self, name)):,}</td>"
            f"<td style='text-align:left'>{table.row}</td></tr>"
            for name, table in tables.TABLES.items()
            if len(getattr(self, name))
        )
        window = (
            "no dates"
            if pd.isna(self.start)
            else f"{self.start:%Y-%m-%d %H:%M:%S} UTC, {self.duration_s:.0f} s"
        )
        services = escape(", ".join(self.services)) or "–"
        return (
            f"<b>Capture {escape(self.name)}</b> · {window} · services: {services}"
            f"<table><tr><th>table</th><th>rows</th><th>a row is</th></tr>{rows}</table>"
        )


_DATED = {
    "spans": "start",
    "samples": "time",
    "exemplars": "time",
    "pauses": "start",
    "collections": "start",
    "stacks": "start",
    "logs": "time",
}


def is_saved(folder: Path) -> bool:
    """True if `folder` holds what `Capture.save` wrote."""
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get("format") == SAVED
    except (OSError, ValueError, AttributeError):
        return False


def load(folder: str | Path) -> Capture:
    """Read what `Capture.save` wrote; raise Malformed naming the file that is damaged."""
    folder = Path(folder)
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        frames = {}
        for name, table in tables.TABLES.items():
            path = folder / f"{name}.parquet"
            if path.exists():
                arrow = pq.read_table(path)
                frames[name] = table.build({n: arrow[n] for n in arrow.column_names}, where=path.name)
        return Capture(
            name=manifest["name"],
            start=pd.Timestamp(manifest["start"]) if manifest["start"] else pd.NaT,
            end=pd.Timestamp(manifest["end"]) if manifest["end"] else pd.NaT,
            settings=Settings(manifest["settings"]),
            sources=tuple(Source(**{**s, "notes": tuple(s["notes"])}) for s in manifest["sources"]),
            load=manifest["load"],
            **frames,
        )
    except (AttributeError, KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        raise Malformed(str(folder), f"not a whole saved capture: {error!r}") from error


def _bounds(capture: Capture) -> tuple[Any, Any]:
    firsts, lasts = [], []
    for name, column in _DATED.items():
        times = getattr(capture, name)[column].dropna()
        if len(times) and name != "exemplars":  # a client keeps the last one of a bucket for days
            firsts.append(times.min())
            lasts.append(times.max())
    return (min(firsts), max(lasts)) if firsts else (pd.NaT, pd.NaT)


def _check_references(capture: Capture) -> None:
    for name in ("samples", "exemplars"):
        _refer(capture, name, getattr(capture, name)["series"], "series", capture.series["series"])
    if len(capture.stacks):
        codes = capture.stacks["frames"].list.flatten()
        _refer(capture, "stacks", codes.astype("int64"), "frames", capture.frames["frame"])


def _refer(capture: Capture, name: str, codes: Iterable[int], target: str, known: pd.Series) -> None:
    if known.duplicated().any():
        raise Contradiction(
            f"code {known[known.duplicated()].iloc[0]} stands twice in {target}",
            where=capture.name or "capture",
        )
    unknown = pd.Series(codes).unique()
    unknown = unknown[~pd.Index(unknown).isin(known)]
    if len(unknown):
        raise Contradiction(
            f"table {name} refers to {len(unknown)} codes that table {target} lacks, first {unknown[0]}",
            where=capture.name or "capture",
            remedy="read the files of the capture again from the start",
        )
