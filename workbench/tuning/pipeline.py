"""What a check found, as a pipeline reads it: text, JSON, JUnit, and annotations of GitHub's workflows.

    ::error file=settings.yaml,line=12,title=P99 ≤ 400 ms::as recorded: P99 512 ms (480 to 560 ms), 28 % above

Texts come from files and telemetry, so each format escapes them in its own way.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from workbench.consistency import ERROR, Finding, rules

HELD, BROKEN, UNKNOWN, NOTED = "held", "broken", "cannot tell", "noted"
STATUS = {HELD: 0, NOTED: 0, BROKEN: 1, UNKNOWN: 2}


@dataclass(frozen=True)
class Result:
    """One thing that was asked: its name, the group it belongs to, the answer and its reason.

    `file` and `line` (0 if unknown) are where to look, `numbers` what the answer rests on.
    """

    name: str
    group: str
    answer: str
    why: str = ""
    file: str = ""
    line: int = 0
    numbers: dict[str, Any] = field(default_factory=dict)


def findings_as_results(findings: Sequence[Finding]) -> list[Result]:
    """Give findings of `consistency`: an error is broken, a warning noted, a rule without any is held."""
    broken = {one.rule for one in findings}
    results = [
        Result(name, "consistency", HELD, rule.RULE) for name, rule in rules().items() if name not in broken
    ]
    for one in findings:
        place = next((said for said in one.places if said.line), one.places[0] if one.places else None)
        results.append(
            Result(
                name=one.rule,
                group="consistency",
                answer=BROKEN if one.severity == ERROR else NOTED,
                why="\n".join([one.what, *map(str, one.places), f"change: {one.change}"]),
                file=place.file if place else "",
                line=place.line if place else 0,
            )
        )
    return results


def exit_status(results: Sequence[Result]) -> int:
    """Give 1 if anything is broken, else 2 if anything cannot be told, else 0."""
    answers = {STATUS[one.answer] for one in results}
    return 1 if 1 in answers else max(answers, default=0)


def as_text(results: Sequence[Result]) -> str:
    """Give a line for each result; what is broken stands last, where a terminal shows it."""
    order = sorted(results, key=lambda one: (HELD, NOTED, UNKNOWN, BROKEN).index(one.answer))
    return "\n".join(_line(one) for one in order)


def _line(one: Result) -> str:
    place = f" ({one.file}:{one.line})" if one.line else f" ({one.file})" if one.file else ""
    return f"{one.answer}: {one.group}: {one.name}" + (f": {one.why}" if one.why else "") + place


def as_json(results: Sequence[Result]) -> str:
    """Give the results and the exit status that they have."""
    return json.dumps(
        {"status": exit_status(results), "results": [asdict(one) for one in results]},
        indent=1,
        allow_nan=False,
    )


def as_github(results: Sequence[Result]) -> str:
    """Give a workflow command for each result that did not hold; what cannot be told is a warning."""
    kinds = {BROKEN: "error", UNKNOWN: "warning", NOTED: "warning"}
    return "\n".join(_command(kinds[one.answer], one) for one in results if one.answer in kinds)


def _command(kind: str, one: Result) -> str:
    place = {"file": one.file, "line": str(one.line or ""), "title": one.name}
    properties = ",".join(f"{name}={_property(text)}" for name, text in place.items() if text)
    return f"::{kind} {properties}::{_message(f'{one.group}: {one.why}')}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def as_junit(results: Sequence[Result], *, suite: str) -> str:
    """Give a JUnit report: broken is a failure, cannot tell an error, noted is told in system-out."""
    root = ET.Element("testsuites")
    own = ET.SubElement(root, "testsuite", name=_xml(suite), tests=str(len(results)), skipped="0", time="0")
    own.set("failures", str(sum(one.answer == BROKEN for one in results)))
    own.set("errors", str(sum(one.answer == UNKNOWN for one in results)))
    for one in results:
        case = ET.SubElement(own, "testcase", name=_xml(one.name), classname=_xml(one.group), time="0")
        if one.file:
            case.set("file", _xml(one.file))
        if one.line:
            case.set("line", str(one.line))
        if one.answer in (BROKEN, UNKNOWN):
            kind = "failure" if one.answer == BROKEN else "error"
            ET.SubElement(case, kind, type=one.answer, message=_xml(one.why)).text = _xml(_line(one))
        elif one.answer == NOTED:
            ET.SubElement(case, "system-out").text = _xml(_line(one))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    """Leave out what no XML 1.0 document may hold, escaped or not."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
