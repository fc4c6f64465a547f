"""Run every benchmark beside this file and print its ratios."""

from __future__ import annotations

import importlib
import pkgutil

from tests import benchmarks


def main() -> None:
    print(f"{'work':<40} {'ours':>9}   {'against':<28} {'theirs':>9} {'ratio':>7}")
    for name in (module.name for module in pkgutil.iter_modules(benchmarks.__path__)):
        if name.startswith("bench_"):
            for row in importlib.import_module(f"tests.benchmarks.{name}").run():
                print(_line(row))


def _line(
    row: benchmarks.Row | benchmarks.Peak | benchmarks.Searched | benchmarks.Figure | benchmarks.Absent,
) -> str:
    if isinstance(row, benchmarks.Figure):
        return f"{row.work:<40} {row.figure}"
    if isinstance(row, benchmarks.Searched):
        reached = f"{row.reached} of {row.searches} within 2 %"
        after = f"after {row.median:.0f} evaluations, at most {row.worst:.0f}" if row.reached else ""
        return f"{row.work:<40} {row.method:<22} {reached} {after}; CPU beside {row.cpu_s:.2f} s"
    if isinstance(row, benchmarks.Absent):
        return f"{row.work:<40} not measured: {row.reason}"
    if isinstance(row, benchmarks.Peak):
        peak, whole, result = (f"{size / 1e6:,.0f} MB" for size in row[1:])
        beyond = (row.peak_bytes - row.input_bytes) / row.result_bytes
        return f"{row.work:<40} peak {peak}: input {whole} + {beyond:.1f} × result {result}"
    ours, theirs = f"{row.ours_s:.4f} s", f"{row.other_s:.4f} s"
    return f"{row.work:<40} {ours:>9}   {row.other:<28} {theirs:>9} {row.other_s / row.ours_s:>6.1f}×"


if __name__ == "__main__":
    main()
