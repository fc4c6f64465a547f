"""Recommendation: settings from → to, the expected effect, the evidence, and what was refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from workbench.errors import Malformed
from workbench.network import Network, Scenario
from workbench.settings import Knob, Settings, Value
from workbench.tuning.objective import SLO, shown_setting
from workbench.tuning.study import Study
from workbench.twin.model import Prediction
from workbench.twin.outcome import label, shown

CHANGE, LEAVE, NO_ADVICE, BY_HAND = "change", "leave as is", "no advice", "chosen by hand"
SHOWN = ("p50_s", "p95_s", "p99_s", "throughput_rps", "error_share")


@dataclass(frozen=True, repr=False)
class Recommendation:
    """What to set, and what it is expected to do.

    `advice` is "change", "leave as is" (the present settings hold every SLO and nothing cheaper does) or "no
    advice" (nothing tried holds every SLO; `settings` is then what comes nearest), or "chosen by hand" (not
    searched). `before` and `after` are predictions under the first scenario. `alternatives` has a row for
    each rule of thumb: its own prediction under the first scenario, whether every SLO holds in all, and why
    not that one.
    `evidence` names capture, window and assumptions, `study` what the search saw beside the winner.
    """

    advice: str
    current: Settings
    settings: Settings
    knobs: tuple[Knob, ...]
    network: Network
    slos: tuple[SLO, ...]
    before: Prediction
    after: Prediction
    alternatives: pd.DataFrame
    evidence: dict[str, Any]
    evaluations: int
    seed: int
    study: Study | None = None

    @property
    def changes(self) -> dict[str, tuple[Value, Value]]:
        """Map each changed key to (from, to)."""
        return {k: v for k, v in self.current.difference(self.settings).items() if k in self.settings}

    def why(self) -> dict[str, str]:
        """Give for each changed key where its value comes from, in one line."""
        effect = (
            f"P99 {shown('p99_s', self.before['p99_s'])} → {shown('p99_s', self.after['p99_s'])} "
            f"({self._interval('p99_s')})"
        )
        errors = f"errors {shown('error_share', self.before['error_share'])} → "
        errors += shown("error_share", self.after["error_share"])
        aim = BY_HAND if self.advice == BY_HAND else "for " + " and ".join(str(slo) for slo in self.slos)
        source = f"workbench, from capture {self.evidence['capture']} ({self.evidence['window']})"
        known = {knob.key: knob for knob in self.knobs}
        return {
            key: f"was {shown_setting(known[key], old)}; {source}; {aim}; predicted with all changes: "
            f"{effect}, {errors}"
            for key, (old, _) in self.changes.items()
        }

    def effect(self) -> pd.DataFrame:
        """Give the predicted quantities before and after, each with its interval."""
        rows = {}
        for q in SHOWN:
            (low, high), (new_low, new_high) = self.before.interval(q), self.after.interval(q)
            rows[q] = (self.before[q], low, high, self.after[q], new_low, new_high)
        columns = ["before", "before_low", "before_high", "after", "after_low", "after_high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def text(self) -> str:
        """Give the recommendation in a few lines of words."""
        lines = [f"advice: {self.advice}"]
        known = {knob.key: knob for knob in self.knobs}
        for key, (old, new) in self.changes.items():
            lines.append(f"  {key}: {shown_setting(known[key], old)} → {shown_setting(known[key], new)}")
        for q in SHOWN:
            lines.append(
                f"  {label(q)}: {shown(q, self.before[q])} → {shown(q, self.after[q])} "
                f"(90 %: {self._interval(q)})"
            )
        lines += [f"  {line}" for line in self._told()]
        lines += [f"  note: {text}" for text in self.after.outside]
        return "\n".join(lines)

    def _told(self) -> list[str]:
        """What the search saw, and why each rule of thumb is not followed, a line each."""
        told = self.study.text().splitlines() if self.study is not None else []
        rules = self.alternatives[2:].itertuples()  # after the settings in force and those recommended
        return told + [f"not {row.alternative}: {row.why_not or 'no better'}" for row in rules]

    def _interval(self, quantity: str) -> str:
        low, high = self.after.interval(quantity)
        return f"{shown(quantity, low)} to {shown(quantity, high)}"

    def __repr__(self) -> str:
        return f"Recommendation({self.text()})"

    def _repr_html_(self) -> str:
        known = {knob.key: knob for knob in self.knobs}
        changes = "".join(
            f"<tr><td>{escape(key)}</td><td>{escape(shown_setting(known[key], old))}</td>"
            f"<td><b>{escape(shown_setting(known[key], new))}</b></td></tr>"
            for key, (old, new) in self.changes.items()
        )
        effects = "".join(
            "<tr>"
            + "".join(f"<td>{cell}</td>" for cell in (label(q), shown(q, self.before[q])))
            + f"<td><b>{shown(q, self.after[q])}</b></td><td>{self._interval(q)}</td></tr>"
            for q in SHOWN
        )
        moved = f"<table><tr><th>setting</th><th>from</th><th>to</th></tr>{changes}</table>"
        notes = "".join(f"<li>{escape(text)}</li>" for text in (*self._told(), *self.after.outside))
        return (
            f"<b>Advice: {self.advice}</b>{moved if changes else ''}"
            "<table><tr><th>predicted, at the client</th><th>before</th><th>after</th>"
            "<th>90 % interval</th></tr>"
            f"{effects}</table>" + (f"<ul>{notes}</ul>" if notes else "")
        )

    def to_json(self) -> str:
        """Give the frozen record: settings, predictions with intervals, evidence, reasons; no latencies."""
        known = {knob.key: knob for knob in self.knobs}
        study = self.study
        return json.dumps(
            {
                "format": FROZEN,
                "advice": self.advice,
                "current": dict(self.current),
                "settings": dict(self.settings),
                "slos": [{"quantity": s.quantity, "limit": s.limit} for s in self.slos],
                "before": _frozen(self.before),
                "after": _frozen(self.after),
                "evidence": self.evidence,
                "evaluations": self.evaluations,
                "seed": self.seed,
                "changes": {
                    key: [shown_setting(known[key], value) for value in both]
                    for key, both in self.changes.items()
                },
                "outside": list(self.after.outside),
                "alternatives": _rows(self.alternatives),
                "study": None
                if study is None
                else {
                    "text": study.text(),
                    "front": _rows(study.front),
                    "matters": _rows(study.matters),
                },
            },
            indent=1,
        )


FROZEN = "workbench recommendation 1"


@dataclass(frozen=True)
class Frozen:
    """A recommendation as written down before the change: what `verify` needs of it."""

    current: Settings
    settings: Settings
    slos: tuple[SLO, ...]
    before: Prediction
    after: Prediction


def thaw(text: str, *, where: str = "recommendation") -> Frozen:
    """Read what `to_json` wrote, or raise Malformed."""
    try:
        record = json.loads(text)
        if record["format"] != FROZEN:
            raise Malformed(where, f"format {record['format']!r}", expected=FROZEN)
        return Frozen(
            current=Settings(record["current"]),
            settings=Settings(record["settings"]),
            slos=tuple(SLO(s["quantity"], s["limit"]) for s in record["slos"]),
            before=_thawed(record["before"]),
            after=_thawed(record["after"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(
            where, f"not a recommendation: {error!r}", expected=FROZEN, remedy="export it again"
        ) from error


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a table; null for what is no number."""
    return list(json.loads(table.to_json(orient="records", double_precision=12)))


def _frozen(prediction: Prediction) -> dict[str, Any]:
    return {
        "settings": dict(prediction.settings),
        "scenario": prediction.scenario.name,
        "duration_s": prediction.duration_s,
        "measured_at": prediction.measured_at,
        "quantities": {
            str(name): [None if pd.isna(v) else v for v in row]
            for name, row in zip(prediction.table.index, prediction.table.to_numpy().tolist(), strict=True)
        },
    }


def _thawed(record: dict[str, Any]) -> Prediction:
    columns = ["value", "low", "high", "unit"]
    table = pd.DataFrame.from_dict(dict(record["quantities"].items()), orient="index", columns=columns)
    absent = sorted({*SHOWN, "load_rps"} - set(table.index))
    if absent:
        raise KeyError(*absent)
    numbers = table[columns[:3]].astype(float)
    return Prediction(
        settings=Settings(record["settings"]),
        scenario=Scenario(record["scenario"]),
        duration_s=record["duration_s"],
        table=numbers.assign(unit=table["unit"]),
        latency_s=pd.Series(dtype=float).to_numpy(),
        measured_at=record["measured_at"],
    )
