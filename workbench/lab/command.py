"""`workbench lab …`: the lab from a shell."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from workbench.lab.lifecycle import Lab, down, find, is_up, up
from workbench.lab.plan import Plan, parse_bursts, parse_steps


def add_commands(subparsers: argparse._SubParsersAction) -> None:
    """Mount `lab`; each verb sets `run`, a function of the parsed arguments that gives the exit status."""
    lab = subparsers.add_parser("lab", help="a small live shop on this machine")
    verbs = lab.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_up(verbs)
    _add_load(verbs)
    _add_apply(verbs)
    _add_plain(verbs, "status", "say what runs, and where", _status)
    _add_plain(verbs, "down", "end everything", _down)
    _add_record(verbs)
    _add_tune(verbs)


def _add_plain(
    verbs: argparse._SubParsersAction, name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=text)
    verb.add_argument("--run", dest="folder", type=Path, default=Path("runs/lab"), help="run folder")
    verb.set_defaults(run=run)
    return verb


def _add_up(verbs: argparse._SubParsersAction) -> None:
    verb = _add_plain(verbs, "up", "start the services and a Prometheus", _up)
    verb.add_argument("--settings", default="healthy", help="a YAML file, or healthy or incident")
    verb.add_argument(
        "--idle-limit", type=float, default=1800, help="end after so many seconds without requests"
    )


def _add_load(verbs: argparse._SubParsersAction) -> None:
    verb = _add_plain(verbs, "load", "send requests, open loop", _load)
    verb.add_argument("--plan", required=True, help="seconds x requests per second, such as 60x30,60x45")
    verb.add_argument(
        "--burst", action="append", default=[], help="second:requests, such as 20:100; repeatable"
    )
    verb.add_argument("--seed", type=int, default=1)
    verb.add_argument("--patience", type=float, default=10.0, help="seconds until a caller gives up")


def _add_apply(verbs: argparse._SubParsersAction) -> None:
    verb = _add_plain(verbs, "apply", "put a settings file in force without a restart", _apply)
    verb.add_argument("settings", help="a YAML file, or healthy or incident")


def _add_record(verbs: argparse._SubParsersAction) -> None:
    from workbench.lab.recording import RECORDINGS

    verb = verbs.add_parser("record", help="make one of the recordings in data/captures again")
    verb.add_argument("name", choices=sorted(RECORDINGS))
    verb.add_argument("--to", type=Path, default=Path("data/captures"), help="where the capture folder goes")
    verb.add_argument("--plan", help="another plan than that of the recording, such as 20x30,20x45")
    verb.set_defaults(run=_record)


def _add_tune(verbs: argparse._SubParsersAction) -> None:
    verb = verbs.add_parser("tune", help="close the loop: load, record, tune, apply, load again, verify")
    verb.add_argument("--to", type=Path, default=Path("runs/tune"), help="a folder that is new or empty")
    verb.add_argument("--settings", default="incident", help="a YAML file, or healthy or incident")
    verb.add_argument("--rate", type=float, help="requests per second")
    verb.add_argument("--window", type=float, help="seconds of each of the two windows")
    verb.set_defaults(run=_tune)


def _up(given: argparse.Namespace) -> int:
    lab = up(given.folder, given.settings, idle_limit_s=given.idle_limit, detached=True)
    _show(lab)
    print(
        f"ends after {given.idle_limit:g} s without requests, or by: workbench lab down --run {given.folder}"
    )
    return 0


def _load(given: argparse.Namespace) -> int:
    plan = Plan(parse_steps(given.plan), parse_bursts(given.burst), given.seed)
    print(find(given.folder).begin_load(plan, patience_s=given.patience).wait().text)
    return 0


def _apply(given: argparse.Namespace) -> int:
    find(given.folder).apply(given.settings)
    print(f"all services run {given.settings}")
    return 0


def _status(given: argparse.Namespace) -> int:
    if not is_up(given.folder):
        print(f"no lab is up in {given.folder}")
        return 1
    _show(find(given.folder))
    return 0


def _down(given: argparse.Namespace) -> int:
    down(given.folder)
    print("nothing runs")
    return 0


def _record(given: argparse.Namespace) -> int:
    from workbench.lab.recording import make

    print(make(given.name, given.to, steps=parse_steps(given.plan) if given.plan else None))
    return 0


def _tune(given: argparse.Namespace) -> int:
    from workbench.lab.tune import RATE_RPS, WINDOW_S, tune
    from workbench.tuning.recommendation import NO_ADVICE

    closed = tune(
        given.to,
        settings=given.settings,
        rate_rps=RATE_RPS if given.rate is None else given.rate,
        window_s=WINDOW_S if given.window is None else given.window,
        say=lambda text: print(text, flush=True),
    )
    if closed.files:
        print(f"exported: {', '.join(str(path) for path in closed.files)}")
    print(closed.text())
    worse = closed.verdict is not None and closed.verdict.judgement == "worse"
    return 1 if worse or closed.recommendation.advice == NO_ADVICE else 0


def _show(lab: Lab) -> None:
    for name, url in lab.endpoints.items():
        print(f"{name:12} {url}")
    print(f"{'prometheus':12} {lab.prometheus or 'none found; /metrics is read every second'}")
