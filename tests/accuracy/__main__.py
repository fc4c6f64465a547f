"""Foretell, run, grade: `python -m tests.accuracy FOLDER [--minutes 25]`; goes on where it stopped."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from tests.accuracy import campaign, design, public, report, systems
from tests.accuracy.design import GO, LAB
from tests.needs import CORPUS


def main(argv: list[str] | None = None) -> int:
    """Run what has not been run yet, in random order, and write the report of all that has."""
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy", description=__doc__)
    parser.add_argument("folder", type=Path, help="for recordings and results, outside the repository")
    parser.add_argument(
        "--quick", action="store_true", help="two cells of each system, to see that all works"
    )
    parser.add_argument("--cells", type=int, default=40, help="of each system")
    parser.add_argument("--repeated", type=int, default=10, help="how many of them are run several times")
    parser.add_argument("--repeats", type=int, default=5, help="how often those are run")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no window after so long; 0 only reports"
    )
    given = parser.parse_args(argv)
    if given.quick:
        given.cells, given.repeated = 2, 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the systems as Ctrl-C does
    given.folder.mkdir(parents=True, exist_ok=True)
    try:
        if given.minutes > 0:
            _carry_out(given, given.folder.absolute(), time.monotonic() + 60 * given.minutes)
    except KeyboardInterrupt:
        _say("ended, nothing runs any more; the same command goes on from here")
        return 130
    print(report.write(given.folder, *campaign.results(given.folder), public.report(CORPUS)))
    return 0


def _carry_out(given: argparse.Namespace, folder: Path, end: float) -> None:
    shop = folder / "shop"
    names = [LAB, GO] if systems.build(shop) else [LAB]
    if GO not in names:
        _say("the Go shop cannot be built here: the lab alone is graded")
    with ExitStack() as stack:
        labs = {n: stack.enter_context(systems.running(n, folder / f"run-{n}", shop)) for n in names}
        _say("calibrating")
        twins = {name: campaign.calibrated(folder, name, lab) for name, lab in labs.items()}
        size = {"cells": given.cells, "repeated": given.repeated, "repeats": given.repeats}
        cells = [cell for name in names for cell in campaign.designed(folder, name, twins[name], **size)]
        runs = design.in_random_order(cells)
        for number, (cell, repeat) in enumerate(runs, 1):
            if campaign.graded(folder, f"{cell.name}-{repeat}").exists():
                continue
            if time.monotonic() > end:
                break
            found = campaign.carry_out(folder, labs[cell.system], twins[cell.system], cell, repeat)
            p95 = next(row for row in found["rows"] if row["quantity"] == "p95_s")
            said = f"P95 {p95['predicted'] * 1e3:.0f} ms foretold, {p95['measured'] * 1e3:.0f} ms measured"
            _say(f"{number} of {len(runs)}: {cell.name}, {cell.band}, {cell.scenario}: {said}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
