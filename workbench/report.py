"""`report`: a recommendation as one HTML page, for people without Jupyter and readers without a server.

It is made of the frozen record (recommendation.json): the page and `verify` speak of the same promise.
A capture and its twin add what happened before and how the whole distribution of latency moves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.analysis.findings import findings
from workbench.analysis.latency import ecdf, latency
from workbench.analysis.rates import rates
from workbench.capture import Capture
from workbench.errors import SettingError
from workbench.figures import choice
from workbench.figures.embed import STYLE, embedded
from workbench.figures.overview import overview
from workbench.figures.tuning import tuning
from workbench.tuning._beside import write
from workbench.tuning.export import RECORD, difference
from workbench.tuning.recommendation import BY_HAND, CHANGE, LEAVE, NO_ADVICE, Frozen, Recommendation, thaw
from workbench.twin.model import Twin, load_curve
from workbench.twin.outcome import label, shown

_ADVICE = {
    CHANGE: "Change these settings: the cheapest found that hold every service level.",
    LEAVE: "Leave everything as it is: it holds every service level, and nothing cheaper does.",
    NO_ADVICE: "No advice: nothing that was tried holds every service level. What comes nearest is shown.",
    BY_HAND: "These settings were chosen by hand.",
}


def report(
    recommendation: Recommendation, *, twin: Twin, capture: Capture, targets: Sequence[str] = ("lab_yaml",)
) -> str:
    """Give the page of a recommendation, its evidence, and the diffs that `export` to `targets` writes."""
    diffs = {name: difference(recommendation, name) for name in targets}
    told = [(finding.severity, finding.text) for finding in findings(capture)]
    happened = overview(rates(capture), latency(capture))
    effect = _effect_figure(recommendation, twin)
    return _page(recommendation.to_json(), diffs=diffs, findings=told, figures=(happened, effect))


def report_of_record(path: str | Path) -> str:
    """Give the page of a recommendation.json that `export` wrote, and of the diffs that lie beside it."""
    file = Path(path)
    file = file / RECORD if file.is_dir() else file
    try:
        text = file.read_text(encoding="utf-8")
        beside = sorted(p for p in file.parent.rglob("*.diff") if not p.name.endswith(".rollback.diff"))
        diffs = {p.relative_to(file.parent).as_posix(): p.read_text(encoding="utf-8") for p in beside}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot be read: {error}", where=str(file), expected=RECORD) from error
    return _page(text, diffs=diffs, where=str(file))


def is_record(path: str | Path) -> bool:
    """True for a recommendation.json, or a folder that holds one and so is no capture."""
    file = Path(path)
    return file.suffix == ".json" and file.is_file() if not file.is_dir() else (file / RECORD).exists()


def save(page: str, path: str | Path) -> Path:
    """Write a page beside its place and rename it."""
    try:
        write(Path(path), page.encode())
    except OSError as error:
        raise SettingError(
            f"cannot be written: {error.strerror}", where=str(path), expected="a file to write"
        ) from error
    return Path(path)


def _effect_figure(recommendation: Recommendation, twin: Twin) -> Any:
    both = {
        "before": (recommendation.before, recommendation.current),
        "after": (recommendation.after, recommendation.settings),
    }
    curves = {
        name: load_curve(twin, at)[["load_rps", "p99_s"]].rename(columns={"p99_s": "value_s"})
        for name, (_, at) in both.items()
    }
    made = tuning(
        {name: ecdf(seen.latency_s, points=300) for name, (seen, _) in both.items()},
        curves,
        slo_s=next((slo.limit for slo in recommendation.slos if slo.quantity == "p99_s"), None),
        recorded_rps=(twin.workload.mean_rps(), float(twin.workload.rate_rps.max())),
    )
    return made.update_layout(height=320)


def _page(
    text: str,
    *,
    diffs: Mapping[str, str],
    findings: Iterable[tuple[str, str]] = (),
    figures: Sequence[Any] = (),
    where: str = "recommendation",
) -> str:
    promised, record = thaw(text, where=where), json.loads(text)
    study = record.get("study") or {}
    drawn = [*_study_figures(promised, study), *figures]
    pieces = embedded(drawn)
    of_study, of_evidence = pieces[: len(drawn) - len(figures)], pieces[len(drawn) - len(figures) :]
    evidence = record["evidence"]
    title = f"{str(record['advice']).capitalize()}: {evidence['capture']}"
    sections = [
        ("Settings", _changes(record.get("changes", {}))),
        ("What is predicted", _effect(promised) + _slos(promised)),
        (
            "What to choose from, and what matters",
            "".join(of_study) + _list(study.get("text", "").splitlines()),
        ),
        ("Alternatives, and why not", _alternatives(record.get("alternatives", []))),
        ("What happened, and what would change", "".join(of_evidence)),
        ("Findings in the evidence", _findings(findings)),
        ("Changes to files", "".join(_diff(name, diff) for name, diff in diffs.items())),
        ("Evidence and assumptions", _evidence(record, promised)),
    ]
    body = "".join(f"<section><h2>{head}</h2>{content}</section>" for head, content in sections if content)
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p class='lead'>{escape(_ADVICE.get(record['advice'], ''))}</p>"
        f"{body}</main></body></html>"
    )


def _study_figures(promised: Frozen, study: Mapping[str, Any]) -> list[Any]:
    front, matters = (pd.DataFrame(study.get(name) or []) for name in ("front", "matters"))
    made = []
    if len(front) and promised.slos and promised.slos[0].quantity in front:
        made.append(choice.front(front, promised.slos[0]))
    if len(matters):
        made.append(choice.matters(matters))
    return made


def _changes(changes: Mapping[str, Sequence[str]]) -> str:
    if not changes:
        return "<p>Nothing is changed.</p>"
    rows = [(key, old, f"<b>{escape(new)}</b>") for key, (old, new) in changes.items()]
    return _table(("setting", "from", "to"), rows, raw=(2,))


def _effect(promised: Frozen) -> str:
    before, after = promised.before, promised.after
    rows = [
        (
            label(q),
            shown(q, before[q]),
            _between(q, before),
            f"<b>{shown(q, after[q])}</b>",
            _between(q, after),
        )
        for q in after.table.index
        if q in before.table.index and not str(q).startswith(("wait/", "queue/", "tries/"))
    ]
    told = f"Measured at the {escape(after.measured_at)}. 90 % of such windows lie in the interval."
    head = ("quantity", "before", "90 % interval", "after", "90 % interval")
    return f"<p class='faint'>{told}</p>{_table(head, rows, raw=(3,))}"


def _between(q: Any, prediction: Any) -> str:
    low, high = prediction.interval(q)
    return f"{shown(q, low)} to {shown(q, high)}"


def _slos(promised: Frozen) -> str:
    rows = []
    for slo in promised.slos:
        if slo.quantity in promised.after.table.index:
            word = "✓ holds" if slo.holds(promised.after) else "✗ broken"
            rows.append((str(slo), shown(slo.quantity, slo.worst(promised.after)), word))
    head = ("service level", "bad end of the interval after", f"{promised.after.scenario.name}")
    return _table(head, rows) if rows else ""


def _alternatives(rows: Sequence[Mapping[str, Any]]) -> str:
    told = [
        (
            row["alternative"],
            _number("p99_s", row["p99_s"]),
            f"{_number('p99_s', row['p99_low_s'])} to {_number('p99_s', row['p99_high_s'])}",
            _number("error_share", row["error_share"]),
            "–" if row["cost"] is None else f"{row['cost']:.4g}",
            "✓ holds" if row["holds"] else "✗ broken",
            row["why_not"] or ("–" if row["alternative"] != "recommended" else "recommended"),
        )
        for row in rows
    ]
    head = ("settings", "P99", "90 % interval", "errors", "cost", "service levels", "why not")
    return _table(head, told) if told else ""


def _number(quantity: str, value: float | None) -> str:
    return "–" if value is None else shown(quantity, value)


def _findings(told: Iterable[tuple[str, str]]) -> str:
    return _list(f"{severity}: {text}" for severity, text in told)


def _evidence(record: Mapping[str, Any], promised: Frozen) -> str:
    evidence = record["evidence"]
    rows = [
        ("capture", evidence["capture"]),
        ("window", evidence["window"]),
        ("service levels", "; ".join(evidence["objective"])),
        ("scenarios", "; ".join(evidence["scenarios"])),
        ("settings tried", str(record["evaluations"])),
        ("seed", str(record["seed"])),
    ]
    return _table(("evidence", ""), rows) + _list([*evidence["assumptions"], *record.get("outside", [])])


def _diff(name: str, text: str) -> str:
    lines = "\n".join(f"<span class='{_kind(line)}'>{escape(line)}</span>" for line in text.splitlines())
    return f"<h3>{escape(name)}</h3><pre>{lines or 'The file stays as it is.'}</pre>"


def _kind(line: str) -> str:
    return "faint" if line.startswith(("+++", "---", "@@")) else {"+": "add", "-": "drop"}.get(line[:1], "")


def _list(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, raw: Sequence[int] = ()) -> str:
    """Give a table, its texts escaped but for the columns that are `raw`."""
    titles = "".join(f"<th>{escape(text)}</th>" for text in head)
    cells = (
        "".join(f"<td>{cell if n in raw else escape(str(cell))}</td>" for n, cell in enumerate(row))
        for row in rows
    )
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


_STYLE = """
:root { color-scheme: light dark; --ink: #1e2329; --faint: #666d76; --line: #e3e6ea; --paper: #fff;
  --good: #1d6b45; --bad: #97240a; --block: #f6f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --faint: #9aa1ab; --line: #2f353e;
  --paper: #15181c; --good: #9be0bb; --bad: #ffb9a3; --block: #1c2026; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 'Source Sans 3', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 32px 64px; }
h1 { font-size: 26px; margin: 8px 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; }
h3 { font-size: 15px; margin: 16px 0 4px; } .lead { font-size: 17px; margin: 0 0 8px; }
.faint { color: var(--faint); } p.faint { margin: 0 0 8px; }
table { border-collapse: collapse; width: 100%; margin: 8px 0 12px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 600; }
pre { background: var(--block); padding: 10px 14px; overflow-x: auto; font-size: 13px; line-height: 1.45; }
.add { color: var(--good); } .drop { color: var(--bad); }
ul { padding-left: 20px; } li { margin: 3px 0; }
@media print { main { max-width: none; padding: 0; } section { break-inside: avoid; } }
"""
