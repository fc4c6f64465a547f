"""Prometheus rules that watch what a recommendation promised, and the unit tests that hold them to it.

Recording rules compute the quantities of the SLOs from a histogram of the service at which requests enter.
Three alerts look at them: WorkbenchRollBack when an SLO is broken at a load at which it was to hold,
WorkbenchMoreLoad when the load is above that, so that a broken SLO says nothing of the change, and
WorkbenchOffPrediction when the SLO holds but a quantity is worse than its predicted interval. A histogram of
the service does not see what the caller waited before it was asked; the prediction does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import SettingError, TargetError
from workbench.tuning._beside import write
from workbench.tuning.recommendation import NO_ADVICE, Recommendation
from workbench.twin.model import Prediction
from workbench.twin.outcome import label, shown

RULES, TESTS = "workbench.rules.yaml", "workbench.rules.test.yaml"
_STEP_S = 15


@dataclass(frozen=True)
class Source:
    """The histogram of the requests, which of its series count, and how it tells failures.

    `latency` is its name without _bucket, its unit `unit_s` seconds; `labels` are those that a series must
    have; a request failed if the label `status` matches `failed` in full.
    """

    latency: str = "http_server_request_duration_seconds"
    labels: Mapping[str, str] = field(default_factory=dict)
    status: str = "http_response_status_code"
    failed: str = "5.."
    unit_s: float = 1.0

    def __post_init__(self) -> None:
        for name in (self.latency, self.status, *self.labels):
            if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
                raise SettingError(
                    f"{name!r}", where="watch", expected="a name that Prometheus has for metrics and labels"
                )

    def select(self, member: str, *further: str) -> str:
        """Give a selector of a member of the histogram."""
        matchers = [*(f"{name}={json.dumps(value)}" for name, value in self.labels.items()), *further]
        return f"{self.latency}_{member}{{{','.join(matchers)}}}"


def watch(
    recommendation: Recommendation,
    folder: str | Path,
    source: Source = Source(),
    *,
    headroom: float = 1.25,
    window_s: int = 300,
    hold_s: int = 300,
) -> list[Path]:
    """Write the rules and their unit tests for `promtool test rules` into a folder, and give both files.

    The SLOs are taken to hold up to `headroom` times the predicted load; rates are over `window_s`, and what
    is wrong must be so for `hold_s`. Raises TargetError for "no advice", which promises nothing.
    """
    if recommendation.advice == NO_ADVICE:
        raise TargetError(
            "the recommendation is 'no advice': there is nothing to hold it to", where=str(folder)
        )
    said = _Watch(recommendation, source, headroom, window_s, hold_s)
    written = [Path(folder) / RULES, Path(folder) / TESTS]
    try:
        for path, text in zip(written, (said.rules(), said.tests()), strict=True):
            write(path, text.encode())
    except OSError as error:
        raise TargetError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or folder),
            expected="a folder that can be written to",
        ) from error
    return written


@dataclass(frozen=True)
class _Watch:
    recommendation: Recommendation
    source: Source
    headroom: float
    window_s: int
    hold_s: int

    @property
    def after(self) -> Prediction:
        return self.recommendation.after

    @property
    def most_rps(self) -> float:
        """The highest load at which the SLOs were to hold."""
        return float(f"{self.after['load_rps'] * self.headroom:.4g}")

    @property
    def system(self) -> str:
        return str(self.recommendation.evidence["capture"])

    def rules(self) -> str:
        lines = [
            "# What a recommendation promised: recorded, and watched. Written by workbench.",
            "groups:",
            "  - name: workbench quantities",
            "    rules:",
        ]
        for quantity, expression in self._quantities().items():
            lines += [
                f"      - record: {self._name(quantity)}",
                f"        expr: {_text(expression)}",
                f"        labels: {{system: {_text(self.system)}}}",
            ]
        lines += ["  - name: workbench alerts", "    rules:"]
        for alert, expression, labels, notes in self._alerts():
            lines += [
                f"      - alert: {alert}",
                f"        expr: {_text(expression)}",
                f"        for: {self.hold_s}s",
                "        labels:",
                *(f"          {name}: {_text(value)}" for name, value in labels.items()),
                "        annotations:",
                *(f"          {name}: {_text(_untemplated(value))}" for name, value in notes.items()),
            ]
        return "\n".join(lines) + "\n"

    def _quantities(self) -> dict[str, str]:
        window, unit = f"[{self.window_s}s]", self.source.unit_s
        failures = f"{self.source.status}=~{json.dumps(self.source.failed)}"
        load = f"sum(rate({self.source.select('count')}{window}))"
        failed = f"(sum(rate({self.source.select('count', failures)}{window})) or vector(0))"
        scale = "" if unit == 1 else f" * {unit:g}"
        found = {"load_rps": load}
        for slo in self.recommendation.slos:
            if slo.quantity == "error_share":
                found[slo.quantity] = f"{failed} / {load}"
            elif slo.quantity == "throughput_rps":
                found[slo.quantity] = f"{load} - {failed}"
            elif slo.quantity == "mean_s":
                found[slo.quantity] = f"sum(rate({self.source.select('sum')}{window})) / {load}{scale}"
            else:
                buckets = f"sum by (le) (rate({self.source.select('bucket')}{window}))"
                found[slo.quantity] = f"histogram_quantile({_quantile(slo.quantity):g}, {buckets}){scale}"
        return found

    def _alerts(self) -> Iterator[tuple[str, str, dict[str, str], dict[str, str]]]:
        """Give name, expression, labels and annotations of each alert."""
        load = self._recorded("load_rps")
        expected = f"{shown('load_rps', self.most_rps)}"
        for slo in self.recommendation.slos:
            at_least = slo.quantity == "throughput_rps"
            low, high = (shown(slo.quantity, end) for end in self.after.interval(slo.quantity))
            predicted = f"{shown(slo.quantity, self.after[slo.quantity])} ({low} to {high})"
            now, offered = self._recorded(slo.quantity), f" and {load} >= {slo.limit:g}" if at_least else ""
            worse, better = ("<", ">=") if at_least else (">", "<=")
            yield (
                "WorkbenchRollBack",
                f"{now} {worse} {slo.limit:g} and {load} <= {self.most_rps:g}{offered}",
                {"severity": "page", "slo": slo.quantity},
                {
                    "summary": f"{slo} is broken at a load at which it was to hold, up to {expected}.",
                    "action": f"Roll back: apply the .rollback beside the configuration ({self._back()}).",
                    "predicted": predicted,
                },
            )
            if slo.excess(slo.worst(self.after)) < 0:
                usual = self.after.interval("load_rps")[1]
                yield (
                    "WorkbenchOffPrediction",
                    f"{now} {worse} {slo.worst(self.after):.6g} and {now} {better} {slo.limit:g}"
                    f" and {load} <= {usual:.6g}{offered}",
                    {"severity": "ticket", "slo": slo.quantity},
                    {
                        "summary": f"{label(slo.quantity)} is worse than was predicted; {slo} holds still.",
                        "action": "Record the system, and judge the change with workbench verify.",
                        "predicted": predicted,
                    },
                )
        yield (
            "WorkbenchMoreLoad",
            f"{load} > {self.most_rps:g}",
            {"severity": "ticket"},
            {
                "summary": f"The load is above {expected}, up to which the SLOs were to hold.",
                "action": "Record the system at this load, and tune again.",
            },
        )

    def _back(self) -> str:
        return ", ".join(f"{key} {new} → {old}" for key, (old, new) in self.recommendation.changes.items())

    def _name(self, quantity: str) -> str:
        return f"workbench:{quantity}:rate{self.window_s}s"

    def _recorded(self, quantity: str) -> str:
        return f"{self._name(quantity)}{{system={json.dumps(self.system)}}}"

    def tests(self) -> str:
        lines = [f"rule_files: [{RULES}]", f"evaluation_interval: {_STEP_S}s", "tests:"]
        failing = max((s.limit for s in self.recommendation.slos if s.quantity == "error_share"), default=0.0)
        load = float(f"{self.after['load_rps']:.4g}")
        more = float(f"{self.most_rps * 1.5:.4g}")
        lines += self._test("what was promised is kept", load, slow=False, failed=0.0)
        lines += self._test("slow at the usual load", load, slow=True, failed=0.0)
        lines += self._test("failures at the usual load", load, slow=False, failed=(1 + failing) / 2)
        lines += self._test("slow at more load than was asked for", more, slow=True, failed=0.0)
        return "\n".join(lines) + "\n"

    def _test(self, name: str, load: float, *, slow: bool, failed: float) -> Iterator[str]:
        seconds = self.window_s + 2 * self.hold_s + 4 * _STEP_S
        yield f"  - name: {_text(name)}"
        yield f"    interval: {_STEP_S}s"
        yield "    input_series:"
        for series, each_s in self._series(load, slow, failed):
            yield f"      - series: {_text(series)}"
            yield f"        values: 0+{each_s * _STEP_S:.9g}x{seconds // _STEP_S}"
        yield "    alert_rule_test:"
        late, firing = self.window_s + 2 * self.hold_s, self._firing(load, slow, failed)
        for at_s, expected in ((self.hold_s - _STEP_S, []), (late, firing)):
            for alert in ("WorkbenchRollBack", "WorkbenchMoreLoad", "WorkbenchOffPrediction"):
                yield f"      - eval_time: {at_s}s"
                yield f"        alertname: {alert}"
                of_name = [(labels, notes) for one, labels, notes in expected if one == alert]
                yield "        exp_alerts:" + ("" if of_name else " []")
                for labels, notes in of_name:
                    yield f"          - exp_labels: {json.dumps(labels | {'system': self.system})}"
                    plain = {key: _untemplated(value) for key, value in notes.items()}
                    yield f"            exp_annotations: {json.dumps(plain)}"

    def _series(self, load: float, slow: bool, failed: float) -> Iterator[tuple[str, float]]:
        """Give each series of the histogram with what it grows by in a second."""
        times = [slo for slo in self.recommendation.slos if slo.quantity.endswith("_s")]
        ends = [end for slo in times for end in (slo.limit, slo.worst(self.after)) if end > 0] or [1.0]
        unit = self.source.unit_s
        edges = [end / unit for end in (0.25 * min(ends), 2 * max(ends), 4 * max(ends))]
        for status, share in (("200", 1 - failed), (_example(self.source.failed), failed)):
            if share:
                own, rate = {**self.source.labels, self.source.status: status}, load * share
                for edge in edges[:-1]:
                    yield self._one("bucket", own, le=f"{edge:g}"), 0.0 if slow else rate
                for le in (f"{edges[-1]:g}", "+Inf"):
                    yield self._one("bucket", own, le=le), rate
                yield self._one("count", own), rate
                yield self._one("sum", own), rate * (3 * max(ends) if slow else 0.2 * min(ends)) / unit

    def _one(self, member: str, labels: Mapping[str, str], **further: str) -> str:
        pairs = ",".join(f"{name}={json.dumps(value)}" for name, value in {**labels, **further}.items())
        return f"{self.source.latency}_{member}{{{pairs}}}"

    def _firing(
        self, load: float, slow: bool, failed: float
    ) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        broken = set()
        for slo in self.recommendation.slos:
            if slo.quantity == "throughput_rps":
                so = load * (1 - failed) < slo.limit <= load
            else:
                so = failed > slo.limit if slo.quantity == "error_share" else slow
            if so and load <= self.most_rps:
                broken.add(slo.quantity)
        return [
            (alert, labels, notes)
            for alert, _, labels, notes in self._alerts()
            if (alert == "WorkbenchRollBack" and labels["slo"] in broken)
            or (alert == "WorkbenchMoreLoad" and load > self.most_rps)
        ]


def _quantile(quantity: str) -> float:
    return float(quantity.removeprefix("p").removesuffix("_s")) / 100


def _example(pattern: str) -> str:
    """Give a status that a pattern of statuses matches."""
    found = [str(code) for code in range(100, 600) if re.fullmatch(pattern, str(code))]
    return found[0] if found else pattern.replace("\\", "").split("|")[0]


def _text(text: str) -> str:
    """Give a text as YAML has it in double quotes, on one line."""
    return json.dumps(text, ensure_ascii=False)


def _untemplated(text: str) -> str:
    """Give a text in which Prometheus finds no template."""
    return text.replace("{{", "{ {")
