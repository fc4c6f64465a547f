"""Notebooks are stored to be read: no outputs, nothing of the machine that ran them, no long code."""

from __future__ import annotations

import ast
import json
import re

import pytest

from tests.needs import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))

MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|work|tmp|opt|mnt|srv|var)/|\b[A-Z]:\\\\?\w|~/")
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ghp_|glpat-|xox[bp]-)\w{8,}|\beyJ[\w-]{10,}\.[\w-]{10,}"
    r"|\b(token|password|passwd|secret|api_key)\b['\"]?\s*[=:]\s*['\"][^'\"]{4,}['\"]|://[^/\s:@]+:[^/\s@]+@",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_clean(path):
    assert faults(json.loads(path.read_text(encoding="utf-8"))) == []


def test_a_clean_notebook_has_no_faults():
    assert (
        faults(notebook("def double(x):\n    return 2 * x", "%load_ext workbench\n!workbench read ../data"))
        == []
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}]}, "cell 0 has outputs"),
        ({"execution_count": 3}, "cell 0 has an execution count"),
        ({"source": "def f(x):\n    y = x\n    z = y\n    return z"}, "cell 0 defines f in 4 lines"),
        (
            {"source": ["%matplotlib inline\n", "def f(x):\n", "    y = x\n", "\n", "    return y"]},
            "cell 0 defines f",
        ),
        ({"source": "f = read('/home/ann/capture')"}, "cell 0 names a path of one machine"),
        ({"source": "token = 'abcdef123456'"}, "cell 0 holds a secret"),
        ({"source": "record('http://ann:pass@metrics:9090')"}, "cell 0 holds a secret"),
        (
            {"metadata": {"execution": {"iopub.execute_input": "2026-01-01"}}},
            "cell 0 keeps metadata of a run",
        ),
    ],
)
def test_each_fault_in_a_notebook_is_seen(change, fault):
    stained = notebook("1 + 1")
    stained["cells"][0] |= change
    assert [seen for seen in faults(stained) if seen.startswith(fault)]


def test_a_notebook_for_another_kernel_is_seen():
    other = notebook("1 + 1")
    other["metadata"]["kernelspec"]["name"] = "my-env"
    assert faults(other) == ["the kernel is my-env, not python3"]


def faults(stored: dict) -> list[str]:
    """What is wrong with a notebook, in words."""
    kernel = stored["metadata"].get("kernelspec", {}).get("name")
    found = [] if kernel == "python3" else [f"the kernel is {kernel}, not python3"]
    for number, cell in enumerate(stored["cells"]):
        found += [f"cell {number} {fault}" for fault in _cell_faults(cell)]
    return found


def _cell_faults(cell: dict):
    source = "".join(cell["source"])
    if cell.get("outputs"):
        yield "has outputs"
    if cell.get("execution_count") is not None:
        yield "has an execution count"
    if "execution" in cell["metadata"]:
        yield "keeps metadata of a run"
    if MACHINE_PATH.search(source):
        yield "names a path of one machine"
    if SECRET.search(source):
        yield "holds a secret"
    if cell["cell_type"] == "code" and not source.startswith("%%"):
        for name, lines in _long_functions(source):
            yield f"defines {name} in {lines} lines, more than 3: it belongs in the package"


def _long_functions(source: str):
    python = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.MULTILINE)
    for node in ast.walk(ast.parse(python)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            if lines > 3:
                yield node.name, lines


def notebook(*sources: str) -> dict:
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    return {
        "cells": [code | {"source": source} for source in sources],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
