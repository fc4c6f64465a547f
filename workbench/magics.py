"""`%%promql`: a PromQL query in a notebook, as a wide frame.

%%promql URL [--minutes N | --start T --end T] [--step S] [--tenant NAME] [--token-file FILE]

%load_ext workbench
%%promql http://127.0.0.1:9090 --minutes 10
rate(http_server_request_duration_seconds_count[1m])
"""

from __future__ import annotations

import argparse
import shlex
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from workbench.collectors.query import query_range
from workbench.errors import CollectError
from workbench.readers import Stream, recognise


def register(ipython: Any) -> None:
    """Add the magic to an IPython shell."""
    ipython.register_magic_function(promql, magic_kind="cell", magic_name="promql")


def promql(line: str, cell: str) -> pd.DataFrame:
    """Run the cell's query over a window and give one column per series, named by its labels.

    What the server remarks on its answer, such as that a part is missing, is a warning.
    """
    parser = _Arguments(prog="%%promql", exit_on_error=False, add_help=False)
    parser.add_argument("url")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--start", type=datetime.fromisoformat)
    parser.add_argument("--end", type=datetime.fromisoformat)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--tenant")
    parser.add_argument("--token-file", type=Path)
    try:
        given = parser.parse_args(shlex.split(line))
    except (argparse.ArgumentError, ValueError) as error:
        usage = " ".join(parser.format_usage().split())
        raise CollectError(f"{line!r}: {error}", where="%%promql", expected=usage) from error
    end = given.end or datetime.now(UTC)
    start = given.start or end - timedelta(minutes=given.minutes)
    try:
        token = given.token_file.read_text(encoding="utf-8") if given.token_file else None
    except OSError as error:
        raise CollectError(f"cannot be read: {error.strerror}", where=str(given.token_file)) from error
    answers = query_range(
        given.url, cell.strip(), start=start, end=end, step_s=given.step, tenant=given.tenant, token=token
    )
    if not answers:
        return pd.DataFrame()
    streams = [Stream(f"{given.url}, part {number}", answer) for number, answer in enumerate(answers, 1)]
    parts = recognise(answers[0], where=given.url).read(*streams)
    for note in dict.fromkeys(parts.notes):
        warnings.warn(note, stacklevel=2)
    series, samples = parts.frames["series"], parts.frames["samples"]
    wide = samples.pivot_table(index="time", columns="series", values="value", dropna=False)
    names = {
        code: f"{metric}{{{', '.join(f'{k}={v!r}' for k, v in labels)}}}"
        for code, metric, labels in zip(series["series"], series["metric"], series["labels"], strict=True)
    }
    return wide.rename(columns=names).rename_axis(columns=None)


class _Arguments(argparse.ArgumentParser):
    """A parser that raises what it finds wrong, where argparse would print it and exit."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)
