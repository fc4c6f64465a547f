"""`verify`: predicted against measured, before against after: better, worse, or not told apart."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from workbench.capture import Capture
from workbench.errors import Contradiction
from workbench.settings import Settings
from workbench.tuning._blocks import BETTER, POINTS, SAME, WORSE, Compared, compare, seen
from workbench.tuning.objective import SLO
from workbench.tuning.recommendation import SHOWN, Frozen, Recommendation
from workbench.twin.outcome import MEASURED_AT, label, shown

__all__ = ["BETTER", "SAME", "WORSE", "Verdict", "verify"]

_SIDES = ("predicted_before", "before", "predicted", "after")


@dataclass(frozen=True, repr=False)
class Verdict:
    """What was promised and what came, by quantity.

    `table` has, each with _low and _high at 90 %: predicted_before, before (measured), predicted, after
    (measured); `judgement` (better, worse, not told apart: before against after) and `held` (the measured
    interval meets the predicted one). `broken` are the SLOs that the measurement after breaks. `block_s` is
    the length of the blocks of time that were resampled.
    """

    table: pd.DataFrame
    slos: tuple[SLO, ...]
    broken: tuple[SLO, ...]
    notes: tuple[str, ...]
    measured_at: str = MEASURED_AT
    block_s: float = np.nan

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
    recommendation: Recommendation | Frozen,
    before: Capture,
    after: Capture,
    *,
    shares: tuple[float, float] | None = None,
    seed: int = 0,
) -> Verdict:
    """Judge a change by the captures before and after it, or by two groups of traffic at the same time.

    Better or worse where two tests agree: 95 % of the differences resampled over blocks of time lie on one
    side, the blocks as long as the luck in the data lasts; and Kayenta's judge, Mann–Whitney at 98 % over at
    least 50 points in time, sees it too. With `shares`, `before` and `after` are what that share of the
    traffic met at the same time without the change and with it: throughput is scaled to the whole, and
    blocks are resampled together. Raises Contradiction if a capture did not run with the settings that the
    recommendation speaks of, or the groups not at the same time.
    """
    _ran_with(before, recommendation.current, "before")
    _ran_with(after, recommendation.settings, "after")
    if shares is not None:
        _at_once(before, after, shares)
    both = compare(
        seen(before), seen(after), shares=shares or (1.0, 1.0), concurrent=shares is not None, seed=seed
    )
    table = pd.DataFrame.from_dict({q: _row(q, recommendation, both) for q in SHOWN}, orient="index")
    return Verdict(
        table=table,
        slos=recommendation.slos,
        broken=tuple(
            slo
            for slo in recommendation.slos
            if slo.quantity in both.after and slo.excess(both.after[slo.quantity]) > 0
        ),
        notes=_notes(recommendation, table, after, both),
        block_s=both.block_s,
    )


def _row(q: str, recommendation: Recommendation | Frozen, both: Compared) -> dict[str, object]:
    promised, expected = recommendation.before.table.loc[q], recommendation.after.table.loc[q]
    low, high = np.quantile(both.after_drawn[q], [0.05, 0.95])
    return {
        **_named("predicted_before", promised["value"], promised["low"], promised["high"]),
        **_named("before", both.before[q], *np.quantile(both.before_drawn[q], [0.05, 0.95])),
        **_named("predicted", expected["value"], expected["low"], expected["high"]),
        **_named("after", both.after[q], low, high),
        "judgement": both.judgement[q],
        "held": bool(low <= expected["high"] and expected["low"] <= high),
    }


def _named(name: str, value: float, low: float, high: float) -> dict[str, float]:
    return {name: float(value), f"{name}_low": float(low), f"{name}_high": float(high)}


def _cell(q: str, row: pd.Series, name: str) -> str:
    low, high = shown(q, row[f"{name}_low"]), shown(q, row[f"{name}_high"])
    number, _, kind = low.partition(" ")
    if kind == high.partition(" ")[2]:
        low = number.removesuffix("/s")  # the unit once, where both ends have the same
    return f"{shown(q, row[name])} ({low}–{high})"


def _ran_with(capture: Capture, settings: Settings, when: str) -> None:
    for key, value in settings.items():
        if key in capture.settings and capture.settings[key] != value:
            raise Contradiction(
                f"{key} was {capture.settings[key]}",
                where=f"the capture {when}, {capture.name}",
                expected=f"{value}, as the recommendation says",
                remedy="record again with those settings in force",
            )


def _at_once(before: Capture, after: Capture, shares: tuple[float, float]) -> None:
    if not all(0 < share <= 1 for share in shares) or sum(shares) > 1.000001:
        raise Contradiction(f"shares {shares}", expected="two shares of one traffic, above 0 and 1 in all")
    apart = before.end <= after.start or after.end <= before.start
    if apart:
        raise Contradiction(
            f"{before.name} and {after.name} are not of the same time",
            expected="two groups of one traffic",
            remedy="leave the shares out, to judge before against after",
        )


def _notes(
    recommendation: Recommendation | Frozen, table: pd.DataFrame, after: Capture, both: Compared
) -> tuple[str, ...]:
    met = table["before_low"].le(table["predicted_before_high"])
    missed = table[~(met & table["predicted_before_low"].le(table["before_high"]))].index
    notes = [
        f"before the change {label(q)} was {shown(q, table.at[q, 'before'])}, where the twin says "
        f"{shown(q, table.at[q, 'predicted_before'])}"
        for q in missed
    ]
    expected = recommendation.after["load_rps"]
    load = both.after["load_rps"]
    if abs(load / expected - 1) > 0.1:
        notes.append(f"the load was {load:.1f}/s, the prediction speaks of {expected:.1f}/s")
    if both.points < POINTS:
        notes.append(
            f"{both.points} points in time of each metric; {POINTS} are needed to tell windows apart"
        )
    notes += [
        f"{slo} is not judged: callers do not measure it"
        for slo in recommendation.slos
        if slo.quantity not in both.after
    ]
    unsaid = [key for key in recommendation.settings if key not in after.settings]
    if unsaid:
        notes.append(f"that {unsaid[0]} and {len(unsaid) - 1} others were in force is taken on trust")
    return tuple(notes)
