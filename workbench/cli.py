"""The same verbs from a shell: read, record, calibrate, knobs, predict, tune, check, consistency, verify …

Exit status: 0 done; 1 the answer is no (a verdict of worse, an SLO broken, no advice); 2 an error, in words,
or that it cannot be told.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import workbench
from workbench import tables
from workbench.capture import Capture
from workbench.errors import SettingError, WorkbenchError
from workbench.lab.command import add_commands
from workbench.settings import Knob, Value, find

if TYPE_CHECKING:
    from workbench.collectors.record import Evidence

_TRACES = ("jaeger", "tempo", "zipkin")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status."""
    given = _parser().parse_args(argv)
    try:
        return given.run(given)
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("workbench: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has had enough
        sys.stderr.close()
        return 0
    except OSError as error:  # a folder that cannot be written to, a full disk
        print(f"workbench: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workbench", description="From telemetry to tuned settings.")
    parser.add_argument("--version", action="version", version=f"workbench {workbench.__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_read(verbs)
    _add_record(verbs)
    _add_catalogue(verbs)
    for name, run, text in (
        ("calibrate", _calibrate, "fit a twin to a capture and show how well it reproduces it"),
        ("knobs", _knobs, "list the knobs of a capture's system: value, unit, bounds"),
    ):
        verb = verbs.add_parser(name, help=text)
        _add_recorded(verb)
        verb.set_defaults(run=run)
    _add_predict(verbs)
    _add_tune(verbs)
    _add_check(verbs)
    _add_consistency(verbs)
    _add_verify(verbs)
    _add_ledger(verbs)
    _add_page(verbs)
    add_commands(verbs)
    return parser


def _add_recorded(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("capture", type=_path, help="a recording of the system: a file, or a folder")
    verb.add_argument(
        "--system",
        action="append",
        metavar="NAME",
        help="whose knobs it has: a module of workbench/knobs",
    )


def _add_read(verbs: Any) -> None:
    verb = verbs.add_parser("read", help="say what files and folders hold, by table, and what was skipped")
    verb.add_argument("paths", nargs="+", metavar="PATH", type=_path)
    verb.add_argument("--json", action="store_true", help="the same for programs")
    verb.add_argument("--save", type=_path, metavar="FOLDER", help="write the tables as Parquet")
    verb.set_defaults(run=_read)


def _add_record(verbs: Any) -> None:
    verb = verbs.add_parser("record", help="record a window of a live system as a capture folder")
    where = verb.add_mutually_exclusive_group()
    where.add_argument("--prometheus", metavar="URL", help="its metrics")
    where.add_argument(
        "--lab",
        type=_path,
        metavar="RUN",
        help="a lab that is up: metrics, spans, GC logs, profiles, settings",
    )
    for name in _TRACES:
        verb.add_argument(f"--{name}", metavar="URL", help="its traces of the window")
    for name, value, text in (
        ("pprof", "URL", "the profiles that a Go program serves"),
        ("jcmd", "PID", "threads, classes, heap spaces and a flight recording of a JVM"),
        ("py-spy", "PID", "a profile and the threads of a Python"),
    ):
        verb.add_argument(f"--{name}", action="append", default=[], metavar=f"INSTANCE={value}", help=text)
    verb.add_argument("--start", type=_time, help="ISO 8601, with a time zone")
    verb.add_argument("--end", type=_time, help="left out, now")
    verb.add_argument(
        "--last", type=float, metavar="SECONDS", help="instead of --start: so long before the end"
    )
    verb.add_argument("--profile", type=float, metavar="SECONDS", help="how long to profile, first")
    verb.add_argument("--to", required=True, type=_path, metavar="FOLDER", help="must not exist")
    verb.add_argument("--name", default="")
    verb.add_argument(
        "--token-file", type=_path, metavar="FILE", help="holds the bearer token for Prometheus"
    )
    verb.add_argument("--selector", help="which series, in PromQL; left out, all, or what presets recognise")
    verb.add_argument("--step", type=int, default=1, metavar="SECONDS")
    verb.add_argument("--tenant", metavar="NAME", default="", help="X-Scope-OrgID, of Mimir and Cortex")
    verb.add_argument("--ca-file", metavar="FILE", help="authority that signed the server's certificate")
    verb.add_argument("--insecure", action="store_true", help="trust any certificate")
    verb.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="for one answer")
    verb.add_argument("--tries", type=int, default=5, help="how often one answer is asked for")
    verb.add_argument("--parallel", type=int, default=4, help="answers under way at once")
    verb.add_argument(
        "--cache", type=_path, metavar="FOLDER", help="keep settled answers for the next recording"
    )
    verb.set_defaults(run=_record)


def _add_catalogue(verbs: Any) -> None:
    verb = verbs.add_parser("catalogue", help="say what metrics there are, what they tell, what is missing")
    verb.add_argument("paths", nargs="+", metavar="CAPTURE", type=_path)
    verb.add_argument("--mapping", type=_path, metavar="FILE", help="roles filled by hand, in YAML")
    verb.add_argument("--all", action="store_true", help="metrics that fill no role, too")
    verb.set_defaults(run=_catalogue)


def _add_predict(verbs: Any) -> None:
    verb = verbs.add_parser("predict", help="predict what other settings would do")
    _add_recorded(verb)
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    verb.add_argument("--load", type=float, default=1.0, help="times the recorded load")
    verb.set_defaults(run=_predict)


def _add_tune(verbs: Any) -> None:
    verb = verbs.add_parser("tune", help="find the cheapest settings that hold the SLOs, and export them")
    _add_recorded(verb)
    _add_objective(verb)
    verb.add_argument("--knob", action="append", metavar="KEY", help="move only these (repeatable)")
    verb.add_argument("--budget", type=int, default=200, help="evaluations at most")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument("--target", default="lab_yaml", help="format to export")
    verb.add_argument("--base", type=_path, help="the file in use now, to be edited")
    verb.add_argument(
        "--to", type=_path, metavar="FOLDER", help="where to export; left out, nothing is written"
    )
    verb.add_argument("--ledger", type=_path, metavar="FOLDER", help="freeze the prediction in this ledger")
    verb.set_defaults(run=_tune)


def _add_objective(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--slo", action="append", type=_slo, metavar="QUANTITY=LIMIT", help="such as p99_s=0.4")
    verb.add_argument("--objective", type=_path, metavar="FILE", help="a YAML of slos and scenarios instead")


def _add_report(verb: argparse.ArgumentParser) -> None:
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="the same for programs")
    how.add_argument("--github", action="store_true", help="as annotations of a GitHub workflow")
    verb.add_argument("--junit", type=_path, metavar="FILE", help="also write a JUnit report")


def _add_check(verbs: Any) -> None:
    verb = verbs.add_parser("check", help="would these settings hold the SLOs? 0 yes, 1 no, 2 cannot tell")
    verb.add_argument("settings", type=_path, help="a configuration file")
    verb.add_argument("--capture", type=_path, metavar="FOLDER", help="a recording of the system")
    verb.add_argument("--target", default="lab_yaml", help="format of the file")
    _add_objective(verb)
    verb.add_argument("--seed", type=int, default=0)
    _add_report(verb)
    verb.set_defaults(run=_check)


def _add_consistency(verbs: Any) -> None:
    verb = verbs.add_parser("consistency", help="do the settings of all layers fit together? 1 if not")
    verb.add_argument(
        "files", nargs="*", metavar="FILE", help="a configuration file; or TARGET=FILE, TARGET/SERVICE=FILE"
    )
    known = verb.add_mutually_exclusive_group(required=True)
    known.add_argument("--system", type=_path, metavar="FILE", help="a YAML: who calls whom, replicas, files")
    known.add_argument(
        "--capture", type=_path, metavar="FOLDER", help="a recording that shows who calls whom"
    )
    _add_report(verb)
    verb.set_defaults(run=_consistency)


def _add_verify(verbs: Any) -> None:
    verb = verbs.add_parser("verify", help="judge a change by captures from before and after it")
    verb.add_argument("recommendation", type=_path, help="the recommendation.json that export wrote")
    verb.add_argument("before", type=_path)
    verb.add_argument("after", type=_path)
    verb.add_argument(
        "--shares", type=_shares, metavar="A,B", help="the two are groups of the same time, of these shares"
    )
    verb.add_argument(
        "--group", metavar="ATTRIBUTE=A,B", help="take these groups, by an attribute of the callers' spans"
    )
    verb.add_argument("--ledger", type=_path, metavar="FOLDER", help="write the grade into this ledger")
    verb.set_defaults(run=_verify)


def _add_ledger(verbs: Any) -> None:
    verb = verbs.add_parser(
        "ledger", help="show what was predicted, what came, and how true the twin has been"
    )
    verb.add_argument("folder", type=_path)
    verb.add_argument(
        "--freeze", type=_path, metavar="FILE", help="first write down this recommendation.json"
    )
    verb.add_argument("--capture", type=_path, metavar="FOLDER", help="the capture that it was made from")
    verb.add_argument("--json", action="store_true", help="the same for programs")
    verb.set_defaults(run=_ledger)


def _add_page(verbs: Any) -> None:
    verb = verbs.add_parser("report", help="write a recommendation as one HTML page that needs no server")
    verb.add_argument(
        "source", type=_path, help="a recommendation.json or its folder, or a capture, which is searched"
    )
    verb.add_argument("--to", required=True, type=_path, metavar="FILE", help="the page to write")
    _add_objective(verb)
    verb.add_argument("--budget", type=int, default=200, help="evaluations at most, for a capture")
    verb.add_argument("--seed", type=int, default=0)
    verb.add_argument(
        "--target", action="append", help="format to show a diff in, for a capture (repeatable)"
    )
    verb.set_defaults(run=_page)


def _read(given: argparse.Namespace) -> int:
    capture = workbench.read(*given.paths)
    if given.save:
        capture.save(given.save)
    print(json.dumps(_described(capture), indent=1) if given.json else _report(capture))
    return 0


def _described(capture: Capture) -> dict[str, Any]:
    dated = not pd.isna(capture.start)
    return {
        "name": capture.name,
        "start": capture.start.isoformat() if dated else None,
        "end": capture.end.isoformat() if dated else None,
        "services": capture.services,
        "tables": {name: len(getattr(capture, name)) for name in tables.TABLES},
        "settings": dict(capture.settings),
        "sources": [
            {"path": s.path, "format": s.format, "rows": s.rows, "skipped": s.skipped, "notes": list(s.notes)}
            for s in capture.sources
        ],
    }


def _report(capture: Capture) -> str:
    lines = [repr(capture), f"services: {', '.join(capture.services) or 'none named'}", ""]
    for name, table in tables.TABLES.items():
        rows = len(getattr(capture, name))
        if rows:
            lines.append(f"{name:12}{rows:>12,}  {table.row}")
    lines.append("")
    for source in capture.sources:
        found = ", ".join(f"{rows:,} {name}" for name, rows in source.rows.items()) or "nothing"
        lines.append(f"{source.path}: {source.format}: {found}")
        lines += [f"  skipped {count:,}: {reason}" for reason, count in source.skipped.items()]
        lines += [f"  note: {note}" for note in source.notes]
    return "\n".join(lines)


def _record(given: argparse.Namespace) -> int:
    if (given.start is None) == (given.last is None):
        raise SettingError("no window", where="record", expected="either --start or --last SECONDS")
    name = given.name or given.to.name
    if given.lab:
        from workbench.lab.lifecycle import find as find_lab
        from workbench.lab.recording import profile, record_window

        lab = find_lab(given.lab)
        if given.profile:
            profile(lab, given.profile)
        start, end = _window(given)
        print(record_window(lab, given.to, start=start, end=end, name=name))
        return 0
    with tempfile.TemporaryDirectory(prefix="workbench-") as place:
        files = _profiled(given, Path(place))
        start, end = _window(given)
        files += _traced(given, Path(place), start, end)
        print(
            workbench.record(
                given.to,
                start=start,
                end=end,
                name=name,
                prometheus=given.prometheus,
                files=files,
                headers=_bearer(given.token_file),
                selector=given.selector,
                step_s=given.step,
                tenant=given.tenant,
                verify=False if given.insecure else given.ca_file or True,
                timeout_s=given.timeout,
                tries=given.tries,
                parallel=given.parallel,
                cache=given.cache,
            )
        )
    return 0


def _catalogue(given: argparse.Namespace) -> int:
    from workbench.analysis.catalogue import catalogue, missing

    capture = workbench.read(*given.paths)
    found, lacks = catalogue(capture, given.mapping), missing(capture, given.mapping)
    shown = found if given.all else found[found["role"] != ""]
    print(shown.drop(columns="labels").to_string(index=False))
    if hidden := len(found) - len(shown):
        print(f"and {hidden} metrics that fill no role (--all)")
    for row in lacks.itertuples():
        who = row.service or "(no service)"
        print(f"{who} lacks {row.role}: nothing tells {row.without}. It would be {row.fill}")
    return 0


def _profiled(given: argparse.Namespace, folder: Path) -> list[Evidence]:
    """Profile all programs that are named, at once."""
    from workbench.collectors.record import Evidence

    seconds = given.profile or 10.0
    named = [(kind, _named(text)) for kind in ("pprof", "jcmd", "py_spy") for text in getattr(given, kind)]
    with ThreadPoolExecutor(max(1, len(named))) as pool:
        jobs = [
            (name, pool.submit(_take, kind, name, where, folder / name, seconds))
            for kind, (name, where) in named
        ]
        return [Evidence(path, "raw", instance=name) for name, job in jobs for path in job.result()]


def _take(kind: str, name: str, where: str, folder: Path, seconds: float) -> list[Path]:
    from workbench.collectors import jcmd, pprof, py_spy

    if kind == "pprof":
        return pprof.record(where, folder, seconds)
    if not where.isdecimal():
        raise SettingError(f"{where!r}", where=f"record, {kind} of {name}", expected="a process id")
    pid = int(where)
    if kind == "py_spy":
        return [py_spy.dump(pid, folder / "threads.json"), py_spy.record(pid, folder / "py-spy.txt", seconds)]
    return [
        jcmd.thread_dump(pid, folder / "threads.txt"),
        jcmd.class_histogram(pid, folder / "classes.txt"),
        jcmd.heap_info(pid, folder / "heap.txt"),
        jcmd.flight_recording(pid, folder / "jfr.json.gz", seconds),
    ]


def _traced(given: argparse.Namespace, folder: Path, start: datetime, end: datetime) -> list[Evidence]:
    from workbench.collectors.record import Evidence

    return [
        Evidence(
            importlib.import_module(f"workbench.collectors.{name}").record(
                url, folder / f"{name}.json.gz", start=start, end=end
            ),
            "raw",
        )
        for name in _TRACES
        if (url := getattr(given, name))
    ]


def _named(text: str) -> tuple[str, str]:
    name, _, where = text.partition("=")
    if not name or not where:
        raise SettingError(f"{text!r}", where="record", expected="INSTANCE=URL or INSTANCE=PID")
    return name, where


def _bearer(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        return {"Authorization": f"Bearer {file.read_text(encoding='utf-8').strip()}"}
    except OSError as error:
        raise SettingError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _window(given: argparse.Namespace) -> tuple[datetime, datetime]:
    end = given.end or datetime.now(UTC)
    return given.start or end - timedelta(seconds=given.last), end


def _calibrate(given: argparse.Namespace) -> int:
    from workbench.twin.measured import readable

    capture = workbench.read(given.capture)
    twin = workbench.calibrate(capture, system=given.system or "lab")
    print(twin)
    for note in twin.notes:
        print(f"note: {note}")
    print(readable(workbench.reproduction(twin, capture)).to_string())
    return 0


def _knobs(given: argparse.Namespace) -> int:
    twin = _twin(given)
    for knob in twin.knobs:
        value = twin.settings.get(knob.key)
        print(f"{knob.key:40}{'unset' if value is None else f'{value:g}':>8}  {knob.bounds}: {knob.meaning}")
    return 0


def _predict(given: argparse.Namespace) -> int:
    twin = _twin(given)
    settings = dict(_change(text, twin.knobs) for text in given.changes)
    scenario = workbench.Scenario(f"{given.load:g} × the load", load=given.load)
    if given.load == 0:
        raise SettingError("no load", where="--load", expected="a factor above 0")
    prediction = workbench.predict(twin, settings, scenario=scenario)
    print(f"measured at: {prediction.measured_at}")
    print(prediction.table.to_string(float_format="{:.4g}".format))
    for text in prediction.outside:
        print(f"note: {text}")
    return 0


def _tune(given: argparse.Namespace) -> int:
    from workbench import targets

    # What is misspelled is told before the search, not after it.
    module = targets.target(given.target)
    if given.base:
        targets.read(module, given.base)
    twin = _twin(given)
    objective = _objective(given)
    recommendation = workbench.search(
        twin, given.knob, objective, budget=given.budget, seed=given.seed, progress=_progress
    )
    print(file=sys.stderr)
    print(recommendation.text())
    if recommendation.advice == "no advice":
        return 1
    if given.to:
        for path in workbench.export(recommendation, given.target, given.to, base=given.base):
            print(f"wrote {path}")
    if given.ledger:
        print(f"frozen as {_ledger_of(given).freeze(recommendation, twin, at=datetime.now(UTC))}")
    return 0


def _check(given: argparse.Namespace) -> int:
    from workbench.tuning.check import check
    from workbench.tuning.pipeline import UNKNOWN, Result, as_text

    try:
        objective = _objective(given)
        if given.capture is None:
            raise SettingError("no capture", where="--capture", expected="a recording of the system")
        twin = workbench.calibrate(workbench.read(given.capture))
        results = check(twin, given.settings, objective, target=given.target, seed=given.seed)
    except WorkbenchError as error:  # a pipeline reads the report, whatever went wrong
        results = [Result("can be checked", "settings", UNKNOWN, str(error), str(given.settings))]
    return _told(results, given, suite="workbench check", text=as_text(results))


def _consistency(given: argparse.Namespace) -> int:
    from workbench import consistency
    from workbench.tuning.pipeline import findings_as_results

    if given.system:
        topology, listed = consistency.topology_of(given.system)
    else:
        topology, listed = consistency.topology_from(workbench.read(given.capture)), []
    files = [consistency.File.named(text) for text in given.files] or listed
    if not files:
        raise SettingError("no files", where="consistency", expected="configuration files to check")
    found = consistency.check_files(files, topology)
    text = "\n".join(one.text() for one in found) or "all settings fit together"
    return _told(findings_as_results(found), given, suite="workbench consistency", text=text)


def _told(results: list[Any], given: argparse.Namespace, *, suite: str, text: str) -> int:
    """Print results in the form that is asked for, `text` where none is; give the exit status."""
    from workbench.tuning import pipeline

    if given.json or given.github:
        text = pipeline.as_json(results) if given.json else pipeline.as_github(results)
    if text:
        print(text)
    if given.junit:
        given.junit.write_text(pipeline.as_junit(results, suite=suite), encoding="utf-8")
    return pipeline.exit_status(results)


def _objective(given: argparse.Namespace) -> Any:
    if given.objective is None:
        return workbench.Objective(tuple(given.slo)) if given.slo else workbench.Objective()
    from dataclasses import replace

    from workbench.tuning.objective_file import read_objective

    objective = read_objective(given.objective)
    return replace(objective, slos=tuple(given.slo)) if given.slo else objective


def _verify(given: argparse.Namespace) -> int:
    from workbench.tuning.recommendation import thaw

    text = _text(given.recommendation)
    promised = thaw(text, where=str(given.recommendation))
    before, after = _windows(given)
    if given.ledger:
        ledger = _ledger_of(given)
        grade = ledger.grade(ledger.id_of(text), before, after, at=datetime.now(UTC), shares=given.shares)
        verdict = grade.verdict
        print(grade.text())
    else:
        verdict = workbench.verify(promised, before, after, shares=given.shares)
        print(verdict.text())
    return 1 if verdict.judgement == "worse" or verdict.broken else 0


def _windows(given: argparse.Namespace) -> tuple[Capture, Capture]:
    """The captures before and after, or the two groups of each that are asked for."""
    from workbench.tuning.groups import groups

    before, after = workbench.read(given.before), workbench.read(given.after)
    if not given.group:
        return before, after
    attribute, _, names = given.group.partition("=")
    control, _, changed = names.partition(",")
    found = groups(before, attribute), groups(after, attribute)
    for name, own in ((control, found[0]), (changed, found[1])):
        if name not in own:
            raise SettingError(f"no group {name!r}", where="--group", expected=f"one of {sorted(own)}")
    return found[0][control], found[1][changed]


def _ledger(given: argparse.Namespace) -> int:
    ledger = _ledger_of(given, "folder")
    if not given.freeze and not ledger.begun:
        raise SettingError(
            "no ledger",
            where=str(given.folder),
            expected="a folder that `workbench tune --ledger` or `ledger --freeze` began",
        )
    if given.freeze:
        if given.capture is None:
            raise SettingError("no capture", where="--capture", expected="the one of the recommendation")
        twin = workbench.calibrate(workbench.read(given.capture))
        print(f"frozen as {ledger.freeze(_text(given.freeze), twin, at=datetime.now(UTC))}", file=sys.stderr)
    entries, record = ledger.entries(), ledger.record()
    if given.json:
        both = {"entries": entries, "record": record.reset_index()}
        found = {name: json.loads(frame.to_json(orient="records")) for name, frame in both.items()}
        print(json.dumps(found, indent=1))
    else:
        print(entries.to_string(index=False) if len(entries) else "no predictions")
        print(f"\n{record.to_string(float_format='{:.3g}'.format)}" if len(record) else "no grades")
    return 0


def _page(given: argparse.Namespace) -> int:
    from workbench.report import is_record, report, report_of_record, save

    if is_record(given.source):
        page = report_of_record(given.source)
    else:
        capture = workbench.read(given.source)
        twin = workbench.calibrate(capture)
        found = workbench.search(
            twin, None, _objective(given), budget=given.budget, seed=given.seed, progress=_progress
        )
        print(file=sys.stderr)
        page = report(found, twin=twin, capture=capture, targets=given.target or ["lab_yaml"])
    print(f"wrote {save(page, given.to)}")
    return 0


def _ledger_of(given: argparse.Namespace, name: str = "ledger") -> Any:
    from workbench.tuning.ledger import Ledger

    return Ledger(getattr(given, name))


def _twin(given: argparse.Namespace) -> Any:
    return workbench.calibrate(workbench.read(given.capture), system=given.system or "lab")


def _path(text: str) -> Path:
    """Refuse an empty path, as an unset variable gives it, which would mean this folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path")
    return Path(text)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingError(f"cannot be read: {error.strerror}", where=str(file)) from error


def _progress(state: Any) -> None:
    held = "all SLOs hold" if state.holds else "an SLO is broken"
    print(f"\r{state.evaluations}/{state.budget} evaluations, best so far: {held} ", end="", file=sys.stderr)


def _change(text: str, knobs: Sequence[Knob]) -> tuple[str, Value]:
    key, _, value = text.partition("=")
    knob = find(knobs, key.strip())
    try:
        return knob.key, knob.check(float(value))
    except ValueError as error:
        raise SettingError(f"{text!r}", where="--set", expected=f"{knob.key}=…, {knob.bounds}") from error


def _slo(text: str) -> Any:
    from workbench.tuning.objective import SLO

    quantity, _, limit = text.partition("=")
    try:
        return SLO(quantity, float(limit))
    except (ValueError, WorkbenchError) as error:
        raise argparse.ArgumentTypeError(f"{error}; such as p99_s=0.4 or error_share=0.01") from error


def _shares(text: str) -> tuple[float, float]:
    try:
        first, second = map(float, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}; such as 0.7,0.3") from error
    return first, second


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not an ISO 8601 time") from error
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone; such as 2026-11-20T10:00:00Z")
    return time


if __name__ == "__main__":
    raise SystemExit(main())
