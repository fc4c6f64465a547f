"""The kernel's cache on disk is named by every file that compiled code stands in."""

from __future__ import annotations

from tests.needs import ROOT
from workbench.twin import _compiled

TWIN = ROOT / "workbench" / "twin"


def test_every_file_with_compiled_code_is_among_the_sources():
    compiled = {f for f in TWIN.rglob("*.py") if "twin._compiled import" in f.read_text(encoding="utf-8")}
    assert len(compiled) > 5
    assert [f.name for f in compiled if not any(f == s or s in f.parents for s in _compiled.SOURCES)] == []
