"""`verify`: predicted against measured, before against after: better, worse, or not told apart."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from workbench.capture import Capture
from workbench.errors import Contradiction
from workbench.settings import Settings
from workbench.tuning.objective import SLO
from workbench.tuning.recommendation import SHOWN, Frozen, Recommendation
from workbench.twin.measured import bootstrap
from workbench.twin.outcome import MEASURED_AT, label, shown

_SIDES = ("predicted_before", "before", "predicted", "after")
BETTER, WORSE, SAME = "better", "worse", "not told apart"


@dataclass(frozen=True, repr=False)
class Verdict:
    """What was promised and what came, by quantity.

    `table` has, each with _low and _high at 90 %: predicted_before, before (measured), predicted, after
    (measured); `judgement` (better, worse, not told apart: before against after) and `held` (the measured
    interval meets the predicted one). `broken` are the SLOs that the measurement after breaks.
    """

    table: pd.DataFrame
    slos: tuple[SLO, ...]
    broken: tuple[SLO, ...]
    notes: tuple[str, ...]
    measured_at: str = MEASURED_AT

    @property
    def judgement(self) -> str:
        """How P95, P99 and errors moved: worse if errors are, else what moved, or not told apart."""
        if self.table.at["error_share", "judgement"] == WORSE:
            return WORSE
        moved = set(self.table.loc[["p95_s", "p99_s", "error_share"], "judgement"]) - {SAME}
        return moved.pop() if len(moved) == 1 else SAME

    def text(self) -> str:
        """Give the table in words; the last line begins with `verdict:`."""
        lines = [f"measured at: {self.measured_at}"]
        lines.append(f"{'':15}{'before':^48}  {'after':^48}")
        lines.append(f"{'':15}{'predicted':>24}{'measured':>24}  {'predicted':>24}{'measured':>24}")
        for q, row in self.table.iterrows():
            cells = [_cell(str(q), row, name) for name in _SIDES]
            held = "held" if row["held"] else "missed"
            lines.append(
                f"{label(str(q)):15}{cells[0]:>24}{cells[1]:>24}  {cells[2]:>24}{cells[3]:>24}"
                f"  {row['judgement']}, {held}"
            )
        lines += [f"note: {note}" for note in self.notes]
        p99 = self.table.loc["p99_s"]
        slo = f"SLO broken: {', '.join(map(str, self.broken))}" if self.broken else "every SLO holds"
        was, now = shown("p99_s", p99["before"]), shown("p99_s", p99["after"])
        lines.append(
            f"verdict: {self.judgement}; P99 {was} → {now} "
            f"(predicted {shown('p99_s', p99['predicted'])}); {slo}; "
            f"prediction held for {int(self.table['held'].sum())} of {len(self.table)} quantities"
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Verdict({self.text().splitlines()[-1].removeprefix('verdict: ')})"

    def _repr_html_(self) -> str:
        head = "<tr><th></th><th colspan=2>before</th><th colspan=2>after</th><th colspan=2></th></tr>"
        head += (
            "<tr><th></th>" + "<th>predicted</th><th>measured</th>" * 2 + "<th>judgement</th><th></th></tr>"
        )
        body = "".join(
            f"<tr><td>{label(str(q))}</td>"
            + "".join(f"<td>{escape(_cell(str(q), row, name))}</td>" for name in _SIDES)
            + f"<td>{row['judgement']}</td><td>{'held' if row['held'] else 'missed'}</td></tr>"
            for q, row in self.table.iterrows()
        )
        return f"<table>{head}{body}</table><b>{escape(self.text().splitlines()[-1])}</b>"


def verify(
    recommendation: Recommendation | Frozen, before: Capture, after: Capture, *, seed: int = 0
) -> Verdict:
    """Judge a change by the captures before and after it.

    Before against after is judged by bootstrap over blocks of time: better or worse where 95 % of the
    resampled differences lie on one side. Raises Contradiction if a capture did not run with the settings
    that the recommendation speaks of.
    """
    _ran_with(before, recommendation.current, "before")
    _ran_with(after, recommendation.settings, "after")
    was, was_drawn = bootstrap(before, seed=seed)
    now, now_drawn = bootstrap(after, seed=seed + 1)
    rows = {}
    for q in SHOWN:
        promised, expected = recommendation.before.table.loc[q], recommendation.after.table.loc[q]
        low, high = np.quantile(now_drawn[q], [0.05, 0.95])
        rows[q] = {
            **_named("predicted_before", promised["value"], promised["low"], promised["high"]),
            **_named("before", was[q], *np.quantile(was_drawn[q], [0.05, 0.95])),
            **_named("predicted", expected["value"], expected["low"], expected["high"]),
            **_named("after", now[q], low, high),
            "judgement": _judged(q, now_drawn[q].to_numpy() - was_drawn[q].to_numpy()),
            "held": bool(low <= expected["high"] and expected["low"] <= high),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return Verdict(
        table=table,
        slos=recommendation.slos,
        broken=tuple(slo for slo in recommendation.slos if slo.excess(now[slo.quantity]) > 0),
        notes=_notes(recommendation, table, after, now),
    )


def _named(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def _cell(q: str, row: pd.Series, name: str) -> str:
    low, high = shown(q, row[f"{name}_low"]), shown(q, row[f"{name}_high"])
    number, _, kind = low.partition(" ")
    if kind == high.partition(" ")[2]:
        low = number.removesuffix("/s")  # the unit once, where both ends have the same
    return f"{shown(q, row[name])} ({low}–{high})"


def _judged(q: str, differences: np.ndarray) -> str:
    gain = differences if q == "throughput_rps" else -differences
    if np.mean(gain > 0) >= 0.95:
        return BETTER
    return WORSE if np.mean(gain < 0) >= 0.95 else SAME


def _ran_with(capture: Capture, settings: Settings, when: str) -> None:
    for key, value in settings.items():
        if key in capture.settings and capture.settings[key] != value:
            raise Contradiction(
                f"{key} was {capture.settings[key]}",
                where=f"the capture {when}, {capture.name}",
                expected=f"{value}, as the recommendation says",
                remedy="record again with those settings in force",
            )


def _notes(
    recommendation: Recommendation | Frozen, table: pd.DataFrame, after: Capture, now: pd.Series
) -> tuple[str, ...]:
    met = table["before_low"].le(table["predicted_before_high"])
    missed = table[~(met & table["predicted_before_low"].le(table["before_high"]))].index
    notes = [
        f"before the change {label(q)} was {shown(q, table.at[q, 'before'])}, where the twin says "
        f"{shown(q, table.at[q, 'predicted_before'])}"
        for q in missed
    ]
    expected = recommendation.after["load_rps"]
    if abs(now["load_rps"] / expected - 1) > 0.1:
        notes.append(f"the load was {now['load_rps']:.1f}/s, the prediction speaks of {expected:.1f}/s")
    unsaid = [key for key in recommendation.settings if key not in after.settings]
    if unsaid:
        notes.append(f"that {unsaid[0]} and {len(unsaid) - 1} others were in force is taken on trust")
    return tuple(notes)
