"""The corpus' own tables: which files there are (MANIFEST.tsv), and what is known of them (EXPECTED.tsv).

Every function takes a folder of the corpus, such as "gc", and skips the test where the corpus is absent.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import NamedTuple

from tests.needs import corpus


class Expected(NamedTuple):
    """One known value, as text, and how far to trust it."""

    value: str
    unit: str
    source: str


@functools.cache
def manifest(folder: str) -> dict[str, dict[str, str]]:
    """Give the rows of MANIFEST.tsv by path."""
    return {row["path"]: row for row in _rows(corpus(folder, "MANIFEST.tsv"))}


@functools.cache
def expected(folder: str) -> dict[str, dict[str, Expected]]:
    """Give the rows of EXPECTED.tsv by path and quantity; of two sources for one, the later."""
    known: dict[str, dict[str, Expected]] = {}
    for row in _rows(corpus(folder, "EXPECTED.tsv")):
        value = Expected(row["value"], row["unit"], row["source"])
        known.setdefault(row["path"], {})[row["quantity"]] = value
    return known


def of_family(folder: str, *families: str) -> dict[str, Path]:
    """Give the files of these families by their path in the manifest; a family may end in *."""
    stems = tuple(f[:-1] for f in families if f.endswith("*"))
    return {
        path: corpus(folder, path)
        for path, row in manifest(folder).items()
        if row["family"] in families or row["family"].startswith(stems or ("\0",))
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
