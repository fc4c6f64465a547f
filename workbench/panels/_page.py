"""What the tuning panel says in HTML: numbers, verdicts, differences; foreign text is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

import pandas as pd

from workbench.errors import WorkbenchError
from workbench.settings import Knob, Settings
from workbench.tuning.objective import SLO, shown_setting
from workbench.tuning.recommendation import LEAVE, NO_ADVICE, SHOWN, Recommendation
from workbench.tuning.verify import Verdict
from workbench.twin.model import Prediction
from workbench.twin.outcome import MEASURED_AT, label, shown

# JupyterLab's own colours, so that light and dark pages both hold; the figure's texts and lines follow too.
STYLE = """<style>
.wb-tuning { font-size: 13px; color: var(--jp-ui-font-color1, #1e2329); }
.wb-tuning .widget-html-content { line-height: 1.45; height: auto; }
.wb-tuning .wb-faint { color: var(--jp-ui-font-color2, #666); font-size: 12px; }
.wb-tuning .wb-changed { font-weight: 700; }
.wb-tuning .wb-head { font-weight: 600; font-size: 12px; color: var(--jp-ui-font-color2, #666);
  border-top: 1px solid var(--jp-border-color2, #ddd); padding-top: 1px; line-height: 1.3; }
.wb-tuning .wb-row, .wb-tuning .wb-fixed { position: relative; height: 23px; overflow: visible;
  align-items: center; margin: 0; }
.wb-tuning .wb-row > *, .wb-tuning .wb-fixed > * { margin-top: 0; margin-bottom: 0; }
.wb-tuning .wb-fixed { opacity: 0.5; }
.wb-tuning .wb-mark { position: absolute; top: 6px; width: 2px; height: 7px;
  background: var(--jp-ui-font-color2, #666); }
.wb-tuning .wb-row .widget-html-content, .wb-tuning .wb-fixed .widget-html-content { white-space: nowrap; }
.wb-tuning table.wb-table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums;
  table-layout: fixed; color: inherit; font-size: 13px; margin: 0; }
.wb-tuning table.wb-table th, .wb-tuning table.wb-table td { text-align: right; padding: 2px 8px;
  overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: none;
  border-bottom: 1px solid var(--jp-border-color2, #ddd); background: none; vertical-align: middle; }
.wb-tuning table.wb-table th:first-child, .wb-tuning table.wb-table td:first-child { text-align: left; }
.wb-tuning table.wb-table th { font-weight: 600; }
.wb-tuning .jupyter-widget-Collapse-header, .wb-tuning .jp-Collapse-header { padding: 3px 8px; }
.wb-tuning .jupyter-widget-Collapse-contents, .wb-tuning .jp-Collapse-contents { padding: 4px 6px; }
.wb-tuning .jupyter-widget-Collapse-contents > *, .wb-tuning .jp-Collapse-contents > * { padding: 0; }
.wb-tuning .jupyter-widget-Collapse, .wb-tuning .jp-Collapse { margin-bottom: 2px; }
.wb-tuning .widget-readout { min-width: 215px; overflow: visible; }
.wb-tuning .wb-line { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.wb-tuning .wb-slo { font-weight: 600; padding: 3px 10px; border-radius: 3px; border-left: 6px solid;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.wb-tuning .wb-holds { color: #1d6b45; border-color: #2e8b5e; background: #e3f3ea; }
.wb-tuning .wb-broken { color: #97240a; border-color: #b8330f; background: #fbe6df; }
.wb-tuning .wb-unknown { color: var(--jp-ui-font-color2, #666); border-color: #999;
  background: var(--jp-layout-color2, #eee); }
body[data-jp-theme-light="false"] .wb-tuning .wb-holds { color: #9be0bb; background: #16382a; }
body[data-jp-theme-light="false"] .wb-tuning .wb-broken { color: #ffb9a3; background: #471d11; }
.wb-tuning .wb-error { color: #97240a; font-weight: 600; }
body[data-jp-theme-light="false"] .wb-tuning .wb-error { color: #ffb9a3; }
.wb-tuning pre.wb-diff { margin: 0; font-size: 12px; line-height: 1.4; color: inherit; white-space: pre; }
.wb-tuning .wb-add { color: #1d6b45; } .wb-tuning .wb-drop { color: #97240a; }
body[data-jp-theme-light="false"] .wb-tuning .wb-add { color: #9be0bb; }
body[data-jp-theme-light="false"] .wb-tuning .wb-drop { color: #ffb9a3; }
.wb-tuning .cartesianlayer text, .wb-tuning .infolayer .legend text,
.wb-tuning .infolayer .g-xtitle text, .wb-tuning .infolayer .g-ytitle text,
.wb-tuning .infolayer .g-x2title text, .wb-tuning .infolayer .g-y2title text,
.wb-tuning .infolayer .g-gtitle text,
.wb-tuning .infolayer .annotation text { fill: var(--jp-ui-font-color1, #1e2329) !important; }
.wb-tuning :is(button, input, select, .noUi-handle, .lm-TabBar-tab):focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1f5aee); outline-offset: 1px; }
.wb-tuning .gridlayer path { stroke: var(--jp-border-color2, #e8eaed) !important; }
</style>"""

_SIDES = {
    "predicted_before": "before, predicted",
    "before": "before, measured",
    "predicted": "after, predicted",
    "after": "after, measured",
}
_NAMES = {"throughput_rps": "throughput", "error_share": "errors"}


def numbers(
    before: Mapping[str, float] | None,
    after: Mapping[str, float] | None,
    prediction: Prediction | None,
    services: Iterable[str],
) -> str:
    """Give the table of quantities, now and chosen, with the interval once `prediction` is there."""
    rows = [(name, _NAMES.get(name, name.removesuffix("_s").upper())) for name in SHOWN]
    rows += [(f"utilisation/{service}", f"{service} busy") for service in services]
    cells = "".join(
        f"<tr><td title='{escape(text)}'>{escape(text)}</td><td>{_number(name, before)}</td>"
        f"<td><b>{_number(name, after, about=prediction is None)}</b></td>"
        f"<td class='wb-faint'>{_interval(name, prediction)}</td></tr>"
        for name, text in rows
    )
    told = f"Latency, throughput and errors at the {MEASURED_AT}; 90 % of such windows lie in the interval."
    head = f"<tr title='{escape(told)}'><th style='width:26%'>predicted</th><th style='width:18%'>now</th>"
    head += "<th style='width:20%'>chosen</th><th>90 % interval</th></tr>"
    return f"<table class='wb-table'>{head}{cells}</table>"


def verdict(slos: Sequence[SLO], after: Mapping[str, float] | None, prediction: Prediction | None) -> str:
    """Say whether the SLO holds: by a quick look while sliders move, then by the bad end of the interval."""
    if after is None:
        return "<div class='wb-slo wb-unknown'>SLO: not known yet</div>"
    worst = {slo: after[slo.quantity] if prediction is None else slo.worst(prediction) for slo in slos}
    broken = [slo for slo in slos if slo.excess(worst[slo]) > 0]
    told = [
        f"{_name(slo)} {_says(slo, prediction)} {shown(slo.quantity, worst[slo])}" for slo in broken or slos
    ]
    kind, word = ("wb-broken", "✗ SLO broken") if broken else ("wb-holds", "✓ SLO holds")
    text = escape(f"{word}: {', '.join(told)}")
    return f"<div class='wb-slo {kind}' title='{text}'>{text}</div>"


def changes(settings: Settings, current: Settings, knobs: Sequence[Knob]) -> str:
    """Give the table of settings that differ: setting, now, chosen, unit."""
    known = {knob.key: knob for knob in knobs}
    moved = current.difference(settings)
    if not moved:
        return "<p class='wb-faint'>No setting is changed.</p>"
    rows = "".join(
        f"<tr><td title='{escape(key)}'>{escape(key)}</td>"
        f"<td>{escape(_bare(known[key], old))}</td><td><b>{escape(_bare(known[key], new))}</b></td>"
        f"<td>{escape(known[key].unit)}</td></tr>"
        for key, (old, new) in moved.items()
    )
    head = "<tr><th style='width:46%'>changed setting</th><th>now</th><th>chosen</th><th>unit</th></tr>"
    return f"<table class='wb-table'>{head}{rows}</table>"


def difference(text: str) -> str:
    """Give a unified diff, added and removed lines coloured beside their signs."""
    lines = [f"<span class='{_kind(line)}'>{escape(line)}</span>" for line in text.splitlines()]
    return f"<pre class='wb-diff'>{'<br>'.join(lines)}</pre>" if lines else _faint("The file stays as it is.")


def advice(recommendation: Recommendation) -> str:
    """Say what the search advises and what it refused."""
    said = {
        LEAVE: "Leave everything as it is: it holds the SLO and nothing cheaper does.",
        NO_ADVICE: "No advice: nothing tried holds the SLO. The sliders stand at what comes nearest.",
    }.get(recommendation.advice, "Change the settings listed above: the cheapest found that hold the SLO.")
    scenarios = ", ".join(recommendation.evidence["scenarios"])
    tried = f"{recommendation.evaluations} settings tried; scenarios: {scenarios}."
    study = recommendation.study
    reasons = _list(study.text().splitlines()) if study is not None else ""
    compared = _list(
        f"{row['alternative']}: P99 {shown('p99_s', row['p99_s'])}, "
        f"errors {shown('error_share', row['error_share'])}, cost {row['cost']:.4g}; "
        f"{'holds' if row['holds'] else 'does not hold'} the SLO"
        + (f": {row['why_not']}" if row["why_not"] else "")
        for _, row in recommendation.alternatives.iterrows()
    )
    return f"<b>{said}</b> {escape(tried)}{reasons}<b>Alternatives, and why not</b>{compared}"


def _list(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def notes(texts: Iterable[str]) -> str:
    """List what leads outside the evidence."""
    return "".join(f"<div class='wb-faint'>Note: {escape(text)}</div>" for text in texts)


def error(text: str) -> str:
    """Say what went wrong."""
    return f"<div class='wb-error'>Error: {escape(text)}</div>"


def in_words(act: Callable[[], str]) -> str:
    """Give what `act` gives, or the error in words."""
    try:
        return act()
    except WorkbenchError as failed:
        return error(str(failed))
    except OSError as failed:
        return error(f"{failed.filename or 'file'}: {failed.strerror or failed}")


def verified(verdict: Verdict) -> str:
    """Give a verdict: before and after, each predicted and measured, what it means, and what to mind."""
    rows = "".join(
        f"<tr><td>{escape(label(str(q)))}</td>"
        + "".join(f"<td>{escape(_range(str(q), row, side))}</td>" for side in _SIDES)
        + f"<td>{escape(row['judgement'])}</td><td>{'held' if row['held'] else 'missed'}</td></tr>"
        for q, row in verdict.table.iterrows()
    )
    sides = "".join(f"<th>{side}</th>" for side in _SIDES.values())
    head = f"<tr><th></th>{sides}<th>judgement</th><th>prediction</th></tr>"
    told = escape(verdict.text().splitlines()[-1])
    return f"<b>{told}</b><table class='wb-table'>{head}{rows}</table>{notes(verdict.notes)}"


def plain(text: str) -> str:
    """Say something in words, in one line."""
    return f"<div class='wb-line' title='{escape(text)}'>{escape(text)}</div>"


def _faint(text: str) -> str:
    return f"<p class='wb-faint'>{escape(text)}</p>"


def _number(name: str, values: Mapping[str, float] | None, *, about: bool = False) -> str:
    if values is None or name not in values:
        return "…"
    return ("≈ " if about else "") + shown(name, values[name])


def _interval(name: str, prediction: Prediction | None) -> str:
    if prediction is None or name not in prediction.table.index:
        return "…"
    low, high = (shown(name, bound) for bound in prediction.interval(name))
    for unit in (" ms", " s", " %", "/s"):
        if low.endswith(unit) and high.endswith(unit):
            low = low.removesuffix(unit)
    return f"{low} to {high}"


def _range(q: str, row: pd.Series, side: str) -> str:
    low, high = shown(q, row[f"{side}_low"]), shown(q, row[f"{side}_high"])
    return f"{shown(q, row[side])} ({low} to {high})"


def _name(slo: SLO) -> str:
    return _NAMES.get(slo.quantity, slo.quantity.removesuffix("_s").upper())


def _says(slo: SLO, prediction: Prediction | None) -> str:
    if prediction is None:
        return "is about"
    return "may fall to" if slo.quantity == "throughput_rps" else "may reach"


def _bare(knob: Knob, value: object) -> str:
    return shown_setting(knob, value).removesuffix(f" {knob.unit}")  # type: ignore[arg-type]


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "wb-faint"
    return {"+": "wb-add", "-": "wb-drop"}.get(line[:1], "")
