"""The grades as Markdown and CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.accuracy.grade import SHARES, aims, by_cell, summary
from workbench.twin.outcome import label

DISTURBED_S = 0.010
_HEADS = (
    "cells", "runs", "median error", "bias", "replayed: median error", "bias ", "a repeat's own error",
    "coverage", "replayed: coverage", "interval / repeat spread",
)  # fmt: skip
_WORDS = """
Error: of the prediction, made before the run, against the mean of the cell's runs; relative, of error shares
in points. Bias: its median with sign. Replayed: the prediction knew the arrivals that would come, not only
their rate, so that their luck is not counted as error. A repeat's own error: how far one run is from the mean
of the others, which no prediction can beat. Coverage: share of runs inside the predicted 90 % interval.
Interval / repeat spread: width of the interval by the range that holds 90 % of repeats of the same cell.
"""


def write(folder: Path, rows: pd.DataFrame, machine: pd.DataFrame, public: str) -> str:
    """Write runs.csv, cells.csv and report.md in the folder; give the report.

    A window in which the load generator itself came late was disturbed by whatever else ran on the machine:
    a judgement that does not ask what the window measured.
    """
    rows = rows.merge(machine[["run", "late_p99_s"]], on="run")
    calm = rows[rows["late_p99_s"] <= DISTURBED_S]
    rows.to_csv(folder / "runs.csv", index=False)
    by_cell(rows).to_csv(folder / "cells.csv", index=False)
    text = ["# Accuracy, measured live", _machine(machine), _WORDS]
    text += _tables(f"Undisturbed windows (sent late by at most {DISTURBED_S * 1e3:g} ms at P99)", calm)
    text += _tables("All windows", rows)
    if public:
        text += ["## A public recording", public]
    report = "\n\n".join(part.strip() for part in text) + "\n"
    (folder / "report.md").write_text(report, encoding="utf-8")
    return report


def _machine(runs: pd.DataFrame) -> str:
    late, load = runs["late_p99_s"] * 1e3, runs["load"]
    return (
        f"{len(runs)} windows, {(runs['late_p99_s'] <= DISTURBED_S).sum()} of them undisturbed. "
        f"Load average of the machine while they ran: median {load.median():.1f}, at most {load.max():.1f}, "
        f"on {runs['cores'].iloc[0]:.0f} cores. "
        f"Requests were sent late by (P99 of a window) {late.median():.1f} ms at the median, "
        f"{late.max():.0f} ms at most."
    )


def _tables(title: str, rows: pd.DataFrame) -> list[str]:
    if not len(rows):
        return []
    cells = by_cell(rows)
    below = cells[cells["band"] != "above 95 %"]
    found = [f"## {title}", "### Against the aims", _aims(aims(cells))]
    for words, chosen, by in (
        ("Below 95 % predicted utilisation", below, ["system"]),
        ("By predicted utilisation", cells, ["system", "band"]),
        ("By scenario, below 95 %", below, ["system", "scenario"]),
    ):
        if len(chosen):
            found += [f"### {words}", _table(summary(chosen, by), by)]
    return found


def _aims(table: pd.DataFrame) -> str:
    lines = ["| quantity | utilisation | median error at most | system | cells | from the rate | replayed |"]
    lines.append("|---|---|---|---|---|---|---|")
    for row in table.to_dict("records"):
        q = row["quantity"]
        errors = [row["error"], row["error_replayed"]]
        said = [f"{_error(q, e, sign=False)}{'' if e <= row['at_most'] else ', missed'}" for e in errors]
        cells = [label(q), row["bands"], _error(q, row["at_most"], sign=False), row["system"]]
        lines.append("| " + " | ".join([*cells, str(row["cells"]), *said]) + " |")
    return "\n".join(lines)


def _table(table: pd.DataFrame, by: list[str]) -> str:
    lines = ["| " + " | ".join([*by, "quantity", *_HEADS]) + " |"]
    lines.append("|" + "---|" * (len(by) + 1 + len(_HEADS)))
    for row in table.to_dict("records"):
        quantity = row["quantity"]
        cells = [str(row[name]) for name in by] + [label(quantity), str(row["cells"]), str(row["runs"])]
        names = ("median_error", "bias", "median_error_replayed", "bias_replayed", "repeat_error")
        cells += [_error(quantity, row[name], sign="bias" in name) for name in names]
        cells += [_percent(row["coverage"]), _percent(row["coverage_replayed"])]
        cells.append("–" if np.isnan(row["width_by_spread"]) else f"{row['width_by_spread']:.1f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _error(quantity: str, value: float, *, sign: bool) -> str:
    if np.isnan(value):
        return "–"
    unit = " points" if quantity in SHARES else " %"
    return f"{value * 100:{'+' if sign else ''}.1f}{unit}"


def _percent(share: float) -> str:
    return f"{share:.0%}"
